#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lab/child_process.h"
#include "lab/keeper.h"
#include "model/error.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

KeepOptions keep_in(const test::TempFolder& folder) {
    KeepOptions options;
    options.lab = test::options_in(folder);
    return options;
}

bool all_ended(const LabRecord& lab) {
    for (const ProcessIdentity& server : lab.servers) {
        if (is_running(server)) return false;
    }
    return !is_running(lab.holder);
}

/// Keeps a lab in a forked process, sends it `signal` once it is up; what `keep_lab` returned.
int end_of_foreground_lab(const KeepOptions& options, int signal) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t keeper = ::fork();
    if (keeper == 0) {
        const KeepEnd end = keep_lab(options, [&writer](const LabRecord&) {
            if (::write(writer.get(), "+", 1) != 1) ::_exit(99);
        });
        ::_exit(static_cast<int>(end));
    }
    char sign = 0;
    REQUIRE(::read(reader.get(), &sign, 1) == 1);
    ::kill(keeper, signal);
    int status = 0;
    ::waitpid(keeper, &status, 0);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

LabRecord kept(const std::string& id, bool by_keeper = true) {
    LabRecord record;
    record.id = id;
    record.kept = by_keeper;
    record.holder.pid = 42;
    return record;
}

}  // namespace

TEST_CASE("a kept lab is a process of its own, usable, listed, and ended by name") {
    test::TempFolder temporary;
    const KeepOptions options = keep_in(temporary);
    const LabRecord lab = start_kept_lab(options);
    CHECK(lab.kept);
    CHECK(lab.ready);
    CHECK(lab.holder.pid != ::getpid());
    CHECK(::getsid(lab.holder.pid) != ::getsid(0));
    CHECK(test::redis_says(lab.redis_url, {"PING"}) == "PONG");
    CHECK(test::mysql_says(lab.mysql_url, "SELECT 1") == "1");
    const auto living = living_labs(options.lab.root);
    REQUIRE(living.size() == 1);
    CHECK(living[0].id == lab.id);
    end_lab(lab);
    CHECK(all_ended(lab));
    CHECK_FALSE(fs::exists(lab.folder));
    CHECK(living_labs(options.lab.root).empty());
}

TEST_CASE("a keeper holds no file of the process that started it") {
    test::TempFolder temporary;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);  // without close-on-exec, like a shell's $(claimstorm lab up)
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const LabRecord lab = start_kept_lab(keep_in(temporary));
    writer.reset();
    // End of file: nobody else holds the writing end.
    CHECK(wait_readable(reader.get(), 10s));
    end_lab(lab);
}

TEST_CASE("kill -9 of the keeper ends both servers, and the next look removes the folder") {
    test::TempFolder temporary;
    const KeepOptions options = keep_in(temporary);
    const LabRecord lab = start_kept_lab(options);
    REQUIRE(end_process(lab.holder, SIGKILL, 10s));
    CHECK(test::eventually([&] { return all_ended(lab); }));
    CHECK(fs::exists(lab.folder));
    CHECK(living_labs(options.lab.root).empty());
    CHECK_FALSE(fs::exists(lab.folder));
}

TEST_CASE("a kept lab ends when the process it was to live with ends") {
    test::TempFolder temporary;
    ChildOptions sleeper;
    sleeper.argv = {"/bin/sleep", "1000"};
    ChildProcess watched(sleeper);
    KeepOptions options = keep_in(temporary);
    options.while_pid = watched.pid();
    const LabRecord lab = start_kept_lab(options);
    CHECK(living_labs(options.lab.root).size() == 1);
    watched.kill();
    CHECK(test::eventually([&] { return all_ended(lab) && !fs::exists(lab.folder); }));
    CHECK_THROWS_AS(start_kept_lab(options), UsageError);
}

TEST_CASE("a kept lab ends when one of its servers does: half a lab is none") {
    test::TempFolder temporary;
    const LabRecord lab = start_kept_lab(keep_in(temporary));
    REQUIRE(end_process(lab.servers.at(0), SIGKILL, 10s));
    CHECK(test::eventually([&] { return all_ended(lab) && !fs::exists(lab.folder); }));
}

TEST_CASE("a kept lab whose folder was removed ends, rather than live where nobody finds it") {
    test::TempFolder temporary;
    const LabRecord lab = start_kept_lab(keep_in(temporary));
    fs::remove_all(lab.folder);
    CHECK(test::eventually([&] { return all_ended(lab); }));
}

TEST_CASE("a keeper whose lab will not start says why, and leaves nothing") {
    test::TempFolder temporary;
    KeepOptions options = keep_in(temporary);
    options.lab.redis_program = temporary.script("broken", "echo 'no such luck'; exit 3");
    CHECK_THROWS_WITH(start_kept_lab(options),
                      Catch::StartsWith("broken would not start (exit status 3)") &&
                          Catch::EndsWith("\n  no such luck"));
    CHECK(test::eventually([&] { return test::lab_folders(options.lab.root).empty(); }));
}

TEST_CASE("a lab in the foreground is gone after Ctrl-C and after SIGTERM, and says which") {
    test::TempFolder temporary;
    const KeepOptions options = keep_in(temporary);
    CHECK(end_of_foreground_lab(options, SIGINT) == static_cast<int>(KeepEnd::interrupted));
    CHECK(test::lab_folders(options.lab.root).empty());
    CHECK(end_of_foreground_lab(options, SIGTERM) == static_cast<int>(KeepEnd::told_to_end));
    CHECK(test::lab_folders(options.lab.root).empty());
}

TEST_CASE("the lab to end is the one named, or the only one") {
    CHECK(choose_lab({kept("lab-a")}, "").id == "lab-a");
    CHECK(choose_lab({kept("lab-a"), kept("lab-b")}, "lab-b").id == "lab-b");
    CHECK(choose_lab({kept("lab-a"), kept("lab-r", false)}, "").id == "lab-a");
    CHECK_THROWS_WITH(choose_lab({kept("lab-a"), kept("lab-b")}, ""),
                      "2 labs are up (lab-a, lab-b): name one, or use --all");
    CHECK_THROWS_WITH(choose_lab({kept("lab-a"), kept("lab-b")}, "lab-c"),
                      "no lab lab-c is up; up are: lab-a, lab-b");
    CHECK_THROWS_WITH(choose_lab({}, ""), "no lab is up; start one with: claimstorm lab up");
    CHECK_THROWS_WITH(choose_lab({kept("lab-r", false)}, "lab-r"),
                      "lab-r belongs to the running process 42 and ends with it");
    CHECK_THROWS_AS(choose_lab({kept("lab-r", false)}, ""), UsageError);
}
