#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lab/child_process.h"
#include "tests/support/temporary_folder.h"

namespace claimstorm::test {

/// What a program left behind when it ended.
struct Ended {
    int status = -1;  ///< its exit status; 128 + the signal that ended it
    std::string out;
    std::string err;

    /// stderr has exactly one line: what an error must look like.
    bool complained_in_one_line() const { return !err.empty() && err.find('\n') == err.size() - 1; }
};

/// claimstorm, claimstorm-server or another program, run from outside in a folder of its own.
class Program {
  public:
    explicit Program(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Further environment, "NAME=value".
    Program& with(std::string variable) {
        environment_.push_back(std::move(variable));
        return *this;
    }

    ChildProcess start(const std::vector<std::string>& argv) {
        ChildOptions options;
        options.argv = argv;
        options.working_directory = folder_;
        ++runs_;
        options.out = ToFile{out_path()};
        options.err = ToFile{err_path()};
        std::vector<std::string> environment;
        for (char** entry = ::environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
        environment.insert(environment.end(), environment_.begin(), environment_.end());
        options.environment = environment;
        return ChildProcess(options);
    }

    Ended finish(ChildProcess& child, std::chrono::milliseconds limit = std::chrono::minutes(2)) {
        Ended ended;
        const std::optional<ExitStatus> status = child.wait(limit);
        if (!status) child.kill();
        if (status) ended.status = status->signal != 0 ? 128 + status->signal : status->code;
        ended.out = slurp(out_path());
        ended.err = slurp(err_path());
        return ended;
    }

    Ended run(const std::vector<std::string>& argv) {
        ChildProcess child = start(argv);
        return finish(child);
    }

    /// The claimstorm under test.
    Ended claimstorm(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), CLAIMSTORM_PROGRAM);
        return run(arguments);
    }

    std::string err_so_far() const { return slurp(err_path()); }
    std::string out_so_far() const { return slurp(out_path()); }

  private:
    std::filesystem::path out_path() const { return folder_ / (".out" + std::to_string(runs_)); }
    std::filesystem::path err_path() const { return folder_ / (".err" + std::to_string(runs_)); }

    std::filesystem::path folder_;
    std::vector<std::string> environment_;
    int runs_ = 0;
};

/// Whether `condition` comes true within `limit`; looks every few milliseconds.
template <typename Condition>
bool eventually(Condition&& condition, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::usleep(2000);
    }
    return true;
}

}  // namespace claimstorm::test
