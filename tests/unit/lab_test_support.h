#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <hiredis/hiredis.h>
#include <mysql.h>

#include "lab/lab.h"
#include "lab/posix.h"

namespace claimstorm::test {

/// A folder of the test's own, gone with it.
class TempFolder {
  public:
    TempFolder()
        : path_(std::filesystem::temp_directory_path() / ("claimstorm-test-" + random_hex(6))) {
        std::filesystem::create_directory(path_);
        std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() { std::filesystem::remove_all(path_); }

    const std::filesystem::path& path() const { return path_; }

    /// Writes an executable shell script and returns its path.
    std::string script(const std::string& name, const std::string& body) const {
        const std::filesystem::path file = path_ / name;
        write_private_file(file, "#!/bin/sh\n" + body + "\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        return file.string();
    }

  private:
    std::filesystem::path path_;
};

/// Whether `condition` comes true within `limit`; looks every few milliseconds.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// A lab's options that touch nothing outside of `folder`.
inline LabOptions options_in(const TempFolder& folder) {
    LabOptions options;
    options.root = folder.path() / "labs";
    options.cache = folder.path() / "cache";
    return options;
}

/// The folders of labs there, living or dead.
inline std::vector<std::filesystem::path> lab_folders(const std::filesystem::path& root) {
    std::vector<std::filesystem::path> folders;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
        if (entry.path().filename().string().starts_with("lab-")) folders.push_back(entry.path());
    }
    return folders;
}

/// What the parts of "scheme://user:password@127.0.0.1:port/rest" are.
struct Url {
    explicit Url(const std::string& url) {
        const std::size_t begin = url.find("://") + 3;
        const std::size_t at = url.find('@');
        const std::size_t colon = url.find(':', begin);
        const std::size_t port_at = url.find(':', at);
        user = url.substr(begin, colon - begin);
        password = url.substr(colon + 1, at - colon - 1);
        host = url.substr(at + 1, port_at - at - 1);
        port = std::atoi(url.c_str() + port_at + 1);
        rest = url.substr(url.find('/', port_at) + 1);
    }
    std::string user, password, host, rest;
    int port = 0;
};

/// The answer to one Redis command, as text; "ERR …" and connection errors included.
inline std::string redis_says(const std::string& url, const std::vector<std::string>& command) {
    const Url where(url);
    const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
        redisConnect(where.host.c_str(), where.port), redisFree);
    if (!context || context->err != 0) return "no connection";
    const auto ask = [&context](const std::vector<std::string>& words) {
        std::vector<const char*> argv;
        argv.reserve(words.size());
        for (const std::string& word : words) argv.push_back(word.c_str());
        auto* reply = static_cast<redisReply*>(
            redisCommandArgv(context.get(), static_cast<int>(argv.size()), argv.data(), nullptr));
        if (reply == nullptr) return std::string("no reply");
        std::string text = reply->type == REDIS_REPLY_INTEGER
                               ? std::to_string(reply->integer)
                               : std::string(reply->str == nullptr ? "" : reply->str, reply->len);
        freeReplyObject(reply);
        return text;
    };
    if (!where.password.empty()) ask({"AUTH", where.password});
    return ask(command);
}

/// The first column of the first row, "" for none, or "error NNNN" with the server's number.
inline std::string mysql_says(const std::string& url, const std::string& sql) {
    const Url where(url);
    const std::unique_ptr<MYSQL, void (*)(MYSQL*)> connection(mysql_init(nullptr), mysql_close);
    const auto error = [&connection] {
        return "error " + std::to_string(mysql_errno(connection.get()));
    };
    if (mysql_real_connect(connection.get(), where.host.c_str(), where.user.c_str(),
                           where.password.c_str(), where.rest.c_str(),
                           static_cast<unsigned>(where.port), nullptr, 0) == nullptr) {
        return error();
    }
    if (mysql_query(connection.get(), sql.c_str()) != 0) return error();
    MYSQL_RES* result = mysql_store_result(connection.get());
    if (result == nullptr) return "";
    const MYSQL_ROW row = mysql_fetch_row(result);
    std::string text = row == nullptr || row[0] == nullptr ? "" : row[0];
    mysql_free_result(result);
    return text;
}

}  // namespace claimstorm::test
