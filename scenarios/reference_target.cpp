#include "scenarios/reference_target.h"

#include <fstream>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"
#include "scenarios/http_call.h"
#include "scenarios/target_file.h"

namespace claimstorm {
namespace {

constexpr auto kAnnounceMax = std::chrono::seconds(15);
constexpr auto kExitMax = std::chrono::seconds(5);

/// This process's environment with the given variables set: passwords stay out of argv.
std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
    std::vector<std::string> result;
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        if (!text.starts_with("CLAIMSTORM_")) result.emplace_back(text);
    }
    result.insert(result.end(), variables.begin(), variables.end());
    return result;
}

std::string last_line(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::string last;
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) last = line;
    }
    return last;
}

}  // namespace

std::filesystem::path default_server_program() {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    return self.parent_path() / "claimstorm-server";
}

RunningReference::RunningReference(const ReferenceTarget& reference,
                                   const ReferenceOptions& options) {
    std::string mysql_url = options.mysql_url;
    std::string redis_url = options.redis_url;
    if (mysql_url.empty() != redis_url.empty()) {
        throw UsageError("--mysql and --redis go together: name both, or none for a private lab");
    }
    if (mysql_url.empty()) {
        LabOptions lab;
        lab.cancelled = options.cancelled;
        lab_.emplace(lab);
        mysql_url = lab_->mysql_url();
        redis_url = lab_->redis_url();
    }
    ChildOptions child;
    child.argv = {
        (options.server_program.empty() ? default_server_program() : options.server_program)
            .string(),
        "--flow",
        reference.flow,
        "--listen",
        "127.0.0.1:0",
        "--announce"};
    for (const auto& [key, value] : reference.options) {
        child.argv.insert(child.argv.end(), {"--option", fmt::format("{}={}", key, value)});
    }
    for (const std::string& failpoint : reference.failpoints) {
        child.argv.insert(child.argv.end(), {"--failpoint", failpoint});
    }
    child.argv.insert(child.argv.end(), {"--failpoint-seed", std::to_string(options.seed)});
    if (reference.workers > 0) {
        child.argv.insert(child.argv.end(), {"--workers", std::to_string(reference.workers)});
    }
    if (reference.restarts > 0) {
        child.argv.insert(child.argv.end(), {"--restarts", std::to_string(reference.restarts)});
    }
    child.environment =
        environment_with({"CLAIMSTORM_MYSQL=" + mysql_url, "CLAIMSTORM_REDIS=" + redis_url});
    child.out = ToPipe{};
    child.err = ToFile{options.log};
    server_.emplace(child);
    const auto line = server_->read_line(kAnnounceMax);
    if (!line) {
        const auto status = server_->wait(kExitMax);
        const std::string said = last_line(options.log);
        const std::string message =
            fmt::format("claimstorm-server did not start: {}",
                        said.empty() ? (status ? to_string(*status) : "no answer in time") : said);
        if (status && status->code == 2) throw UsageError(message);
        throw EnvironmentError(message);
    }
    const std::string file = "claimstorm-server's announcement";
    const nlohmann::json document = parse_json_text(*line, file);
    target_ = read_target(JsonPlace(document, file));
    for (const std::string& step : reference.finish) {
        RequestSpec request;
        request.path = "/campaigns/{campaign}/" + step;
        target_.finish.emplace_back(HttpStep{request});
    }
}

std::vector<FaultSeen> RunningReference::faults() const {
    constexpr std::size_t kAnswerMax = 1 << 16;
    const std::string url = target_.endpoint.base_url + "/failpoints";
    const HttpAnswer answer = http_call({"GET", url, {}, {}}, kAnswerMax);
    const nlohmann::json document = parse_json_text(answer.body, url);
    std::vector<FaultSeen> faults;
    for (const JsonPlace& step : JsonPlace(document, url).at("failpoints").items()) {
        if (step.at("do").value().is_null()) continue;
        faults.push_back({step.at("step").string(), step.at("do").string(),
                          step.at("hits").count(0), step.at("fired").count(0)});
    }
    return faults;
}

}  // namespace claimstorm
