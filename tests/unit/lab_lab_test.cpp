#include "lab/lab.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "lab/child_process.h"
#include "lab/lab_folder.h"
#include "lab/programs.h"
#include "model/error.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;
using namespace std::chrono_literals;
using test::mysql_says;
using test::redis_says;
using test::Url;
namespace fs = std::filesystem;

namespace {

/// What a lab's failed start says; "" when it starts.
std::string refusal(const LabOptions& options) {
    try {
        const Lab lab(options);
        return "";
    } catch (const EnvironmentError& error) {
        return error.what();
    }
}

/// Bytes on disk below `path`, as du counts them.
std::uintmax_t disk_use(const fs::path& path) {
    std::uintmax_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
        struct stat status {};
        if (::lstat(entry.path().c_str(), &status) == 0) {
            bytes += static_cast<std::uintmax_t>(status.st_blocks) * 512;
        }
    }
    return bytes;
}

}  // namespace

TEST_CASE("a lab is up and usable by both its URLs, and leaves nothing") {
    test::TempFolder temporary;
    fs::path folder;
    std::vector<ProcessIdentity> servers;
    {
        Lab lab(test::options_in(temporary));
        folder = lab.folder();
        servers = {lab.redis_process(), lab.mariadb_process()};
        CHECK(redis_says(lab.redis_url(), {"INCRBY", "stock", "100"}) == "100");
        CHECK(Url(lab.redis_url()).rest == "0");
        CHECK(mysql_says(lab.mysql_url(), "CREATE TABLE goods (stock INT) ENGINE=InnoDB").empty());
        CHECK(mysql_says(lab.mysql_url(), "INSERT INTO goods VALUES (100)").empty());
        CHECK(mysql_says(lab.mysql_url(), "SELECT stock FROM goods") == "100");
        CHECK(mysql_says(lab.mysql_url(), "SELECT DATABASE()") == "claimstorm");
        CHECK(mysql_says(lab.mysql_url(), "SELECT @@character_set_database") == "utf8mb4");
        CHECK(mysql_says(lab.mysql_url(), "SELECT @@max_connections >= 500") == "1");
        CHECK(lab.what_ended().empty());
    }
    CHECK_FALSE(fs::exists(folder));
    for (const ProcessIdentity& server : servers) CHECK_FALSE(is_running(server));
}

TEST_CASE("the database's user may look at open transactions, the auditor may only SELECT") {
    test::TempFolder temporary;
    const Lab lab(test::options_in(temporary));
    CHECK(mysql_says(lab.mysql_url(), "SELECT COUNT(*) FROM information_schema.INNODB_TRX") == "0");
    REQUIRE(mysql_says(lab.mysql_url(), "CREATE TABLE goods (stock INT)").empty());
    CHECK(mysql_says(lab.auditor_url(), "SELECT COUNT(*) FROM goods") == "0");
    CHECK(mysql_says(lab.auditor_url(), "INSERT INTO goods VALUES (1)") == "error 1142");
    CHECK(mysql_says(lab.auditor_url(), "SELECT 1 FROM information_schema.INNODB_TRX") ==
          "error 1227");
}

TEST_CASE("without the password nobody gets in, and no other account exists") {
    test::TempFolder temporary;
    const Lab lab(test::options_in(temporary));
    const int redis_port = Url(lab.redis_url()).port;
    const int sql_port = Url(lab.mysql_url()).port;
    CHECK_THAT(redis_says(fmt::format("redis://:@127.0.0.1:{}/0", redis_port), {"PING"}),
               Catch::StartsWith("NOAUTH"));
    for (const char* user : {"root", "claimstorm", "auditor", "nobody"}) {
        const std::string url = fmt::format("mysql://{}:@127.0.0.1:{}/claimstorm", user, sql_port);
        CHECK(mysql_says(url, "SELECT 1") == "error 1045");
    }
}

TEST_CASE("passwords are in no command line, no environment, and no file others may read") {
    test::TempFolder temporary;
    const Lab lab(test::options_in(temporary));
    const std::vector<std::string> passwords = {Url(lab.redis_url()).password,
                                                Url(lab.mysql_url()).password,
                                                Url(lab.auditor_url()).password};
    for (const ProcessIdentity& server : {lab.redis_process(), lab.mariadb_process()}) {
        for (const char* file : {"cmdline", "environ"}) {
            const std::string text =
                read_file_or_empty(fmt::format("/proc/{}/{}", server.pid, file));
            CHECK_FALSE(text.empty());
            for (const std::string& password : passwords) {
                CHECK(text.find(password) == std::string::npos);
            }
        }
    }
    CHECK_FALSE(fs::exists(lab.folder() / "mariadb" / "accounts.sql"));
    CHECK((fs::status(lab.folder()).permissions() & fs::perms::all) == fs::perms::owner_all);
}

TEST_CASE("a lab's servers listen on loopback alone") {
    test::TempFolder temporary;
    const Lab lab(test::options_in(temporary));
    // /proc/net/tcp has the address in hex, lowest byte first: 127.0.0.1 is 0100007F.
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        const std::string listening = read_file_or_empty(table);
        for (const int port : {Url(lab.redis_url()).port, Url(lab.mysql_url()).port}) {
            const std::string at = fmt::format(":{:04X} ", port);
            for (std::size_t i = listening.find(at); i != std::string::npos;
                 i = listening.find(at, i + 1)) {
                CHECK(listening.substr(i - 8, 8) == "0100007F");
            }
        }
    }
}

TEST_CASE("labs started at the same time by several processes do not collide") {
    test::TempFolder temporary;
    const LabOptions options = test::options_in(temporary);
    constexpr int kLabs = 4;
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    std::vector<pid_t> holders;
    for (int i = 0; i < kLabs; ++i) {
        holders.push_back(::fork());
        if (holders.back() != 0) continue;
        char sign = '-';
        try {
            const Lab lab(options);
            const std::string mine = std::to_string(i);
            mysql_says(lab.mysql_url(), "CREATE TABLE whose AS SELECT " + mine + " AS lab");
            redis_says(lab.redis_url(), {"SET", "whose", mine});
            sign = '+';
            [[maybe_unused]] const ssize_t up = ::write(writer.get(), &sign, 1);
            for (;;) ::pause();
        } catch (const EnvironmentError&) {
            [[maybe_unused]] const ssize_t failed = ::write(writer.get(), &sign, 1);
        }
        ::_exit(0);
    }
    for (int i = 0; i < kLabs; ++i) {
        char sign = 0;
        REQUIRE(::read(reader.get(), &sign, 1) == 1);
        CHECK(sign == '+');
    }
    const auto living = sweep_labs(options.root);
    CHECK(living.size() == kLabs);
    for (const LabRecord& lab : living) {
        const auto holder = std::find(holders.begin(), holders.end(), lab.holder.pid);
        const std::string mine = std::to_string(holder - holders.begin());
        CHECK(mysql_says(lab.mysql_url, "SELECT lab FROM whose") == mine);
        CHECK(redis_says(lab.redis_url, {"GET", "whose"}) == mine);
    }
    for (const pid_t holder : holders) {
        ::kill(holder, SIGKILL);
        ::waitpid(holder, nullptr, 0);
    }
    for (const LabRecord& lab : living) {
        for (const ProcessIdentity& server : lab.servers) {
            CHECK(test::eventually([&] { return !is_running(server); }));
        }
    }
}

TEST_CASE("kill -9 of its process ends both servers, and the next lab removes the folder") {
    test::TempFolder temporary;
    const LabOptions options = test::options_in(temporary);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t parent = ::fork();
    if (parent == 0) {
        const Lab lab(options);
        [[maybe_unused]] const ssize_t up = ::write(writer.get(), "+", 1);
        for (;;) ::pause();
    }
    char sign = 0;
    REQUIRE(::read(reader.get(), &sign, 1) == 1);
    const auto living = sweep_labs(options.root);
    REQUIRE(living.size() == 1);
    REQUIRE(living[0].servers.size() == 2);
    for (const ProcessIdentity& server : living[0].servers) CHECK(is_running(server));
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    for (const ProcessIdentity& server : living[0].servers) {
        CHECK(test::eventually([&] { return !is_running(server); }));
    }
    CHECK(fs::exists(living[0].folder));
    const Lab next(options);
    CHECK_FALSE(fs::exists(living[0].folder));
    CHECK(test::lab_folders(options.root) == std::vector<fs::path>{next.folder()});
}

TEST_CASE("a fresh lab takes at most 60 MB of disk") {
    test::TempFolder temporary;
    const Lab lab(test::options_in(temporary));
    CHECK(disk_use(lab.folder()) <= 60'000'000);
    CHECK(disk_use(lab.folder()) > 1'000'000);
}

TEST_CASE("the second lab starts from the first one's template, and a damaged one is made anew") {
    test::TempFolder temporary;
    const LabOptions options = test::options_in(temporary);
    { const Lab first(options); }
    const auto cached = fs::directory_iterator(options.cache)->path();
    REQUIRE(fs::exists(cached / "ibdata1"));
    // A mark in the template that the next lab's data must show.
    write_private_file(cached / "mark", "copied");
    {
        const Lab second(options);
        CHECK(read_file_or_empty(second.folder() / "mariadb" / "data" / "mark") == "copied");
    }
    write_private_file(cached / "ibdata1", std::string(5 << 20, 'x'));
    const Lab third(options);
    CHECK(mysql_says(third.mysql_url(), "SELECT 1") == "1");
    CHECK_FALSE(fs::exists(cached / "mark"));
    CHECK(fs::exists(cached / "ibdata1"));
}

TEST_CASE("a server that ends at once is reported with the end of its log, and leaves nothing") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    SECTION("redis") {
        options.redis_program = temporary.script("my-redis", "echo 'no such luck' >&2; exit 7");
        CHECK_THAT(refusal(options),
                   Catch::StartsWith("my-redis would not start (exit status 7)") &&
                       Catch::EndsWith("\n  no such luck"));
    }
    SECTION("mariadb, making its tables") {
        options.mariadb_program = temporary.script("my-maria", "echo 'no such luck' >&2; exit 7");
        CHECK_THAT(refusal(options), Catch::Contains("my-maria") &&
                                         Catch::Contains("exit status 7") &&
                                         Catch::EndsWith("\n  no such luck"));
    }
    SECTION("mariadb, an option that it does not know") {
        options.mariadb_options = {"no_such_option=1"};
        CHECK_THAT(refusal(options), Catch::Contains("unknown variable 'no_such_option=1'"));
    }
    SECTION("redis, an option that it does not know") {
        options.redis_options = {"no-such-option 1"};
        CHECK_THAT(refusal(options), Catch::Contains("no-such-option"));
    }
    SECTION("mariadb, running on tables that are made") {
        options.mariadb_program = temporary.script(
            "my-maria", fmt::format("case \"$*\" in *bootstrap*) exec {} \"$@\";; esac\n"
                                    "echo 'no such luck'; kill -9 $$",
                                    find_program("mariadbd", "mariadb-server-core").string()));
        CHECK_THAT(refusal(options),
                   Catch::StartsWith("my-maria would not start (signal 9 (Killed))") &&
                       Catch::EndsWith("\n  no such luck"));
    }
    CHECK(test::lab_folders(options.root).empty());
}

TEST_CASE("a server that stays silent is given up, killed, and leaves nothing") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    const std::string pid_file = (temporary.path() / "pid").string();
    options.redis_program =
        temporary.script("silent", "echo $$ > " + pid_file + "; echo waiting; exec sleep 1000");
    options.start_timeout = 3s;
    CHECK_THAT(refusal(options), Catch::StartsWith("silent did not answer on 127.0.0.1:") &&
                                     Catch::Contains("within 3000 ms") &&
                                     Catch::EndsWith("\n  waiting"));
    CHECK_FALSE(identify(std::stoi(read_file_or_empty(pid_file))));  // killed, and reaped
    CHECK(test::lab_folders(options.root).empty());
}

TEST_CASE("a server whose port was taken a moment ago gets another one") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    const std::string tries = (temporary.path() / "tries").string();
    options.redis_program = temporary.script(
        "unlucky",
        fmt::format("echo x >> {}; cp redis.conf {}.$(wc -l < {})\n"
                    "if [ $(wc -l < {}) -lt 3 ]; then echo 'bind: Address already in use'; exit 1;"
                    " fi\nexec {} \"$@\"",
                    tries, tries, tries, tries,
                    find_program("redis-server", "redis-server").string()));
    const Lab lab(options);
    CHECK(redis_says(lab.redis_url(), {"PING"}) == "PONG");
    CHECK(read_file_or_empty(tries) == "x\nx\nx\n");
    CHECK(read_file_or_empty(tries + ".1") != read_file_or_empty(tries + ".2"));
}

TEST_CASE("a missing program names the package to install") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    options.redis_program = "no-such-redis";
    CHECK(refusal(options) ==
          "no-such-redis is not installed: apt install --no-install-recommends redis-server");
    options = test::options_in(temporary);
    options.mariadb_program = "/nonexistent/mariadbd";
    CHECK(refusal(options) ==
          "/nonexistent/mariadbd is not an executable file; the Debian package "
          "mariadb-server-core has the program a lab needs");
    CHECK(test::lab_folders(options.root).empty());
}

TEST_CASE("a start that is interrupted stops, and leaves nothing") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    int asked = 0;
    options.cancelled = [&asked] { return ++asked > 3; };
    CHECK_THROWS_AS(Lab(options), Interrupted);
    CHECK(test::lab_folders(options.root).empty());
}

TEST_CASE("a server that dies later is told by name, with the end of its log") {
    test::TempFolder temporary;
    Lab lab(test::options_in(temporary));
    REQUIRE(end_process(lab.redis_process(), SIGKILL, 10s));
    CHECK_THAT(lab.what_ended(),
               Catch::StartsWith("redis-server of " + lab.id() + " has ended (signal 9 (Killed))"));
}

TEST_CASE("a lab works in a folder with an awkward and long name") {
    test::TempFolder temporary;
    LabOptions options = test::options_in(temporary);
    options.root = temporary.path() / "a #b \"c\" \\d 'e'" / std::string(120, 'x');
    const Lab lab(options);
    CHECK(redis_says(lab.redis_url(), {"PING"}) == "PONG");
    CHECK(mysql_says(lab.mysql_url(), "SELECT 1") == "1");
}
