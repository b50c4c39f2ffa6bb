#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lab/child_process.h"
#include "model/error.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;
using namespace std::chrono_literals;

namespace {

ChildOptions shell(const std::string& script) {
    ChildOptions options;
    options.argv = {"/bin/sh", "-c", script};
    options.out = ToPipe{};
    options.err = ToPipe{};
    return options;
}

}  // namespace

TEST_CASE("a child's exit status is told") {
    ChildProcess child(shell("exit 7"));
    const auto status = child.wait(10s);
    REQUIRE(status);
    CHECK(status->code == 7);
    CHECK(status->signal == 0);
    CHECK_FALSE(status->ok());
    CHECK(to_string(*status) == "exit status 7");
    CHECK_FALSE(child.running());
    CHECK(child.wait(0ms)->code == 7);
}

TEST_CASE("a child that was killed tells by which signal") {
    ChildProcess child(shell("kill -SEGV $$"));
    const auto status = child.wait(10s);
    REQUIRE(status);
    CHECK(status->signal == SIGSEGV);
    CHECK(to_string(*status) == "signal 11 (Segmentation fault)");
}

TEST_CASE("lines come from the pipe one by one, the unfinished last one too") {
    ChildProcess child(shell("echo one; echo two >&2; printf three"));
    CHECK(child.read_line(10s) == "one");
    CHECK(child.read_line(10s) == "two");
    CHECK(child.read_line(10s) == "three");
    CHECK(child.read_line(10s) == std::nullopt);
}

TEST_CASE("a line that does not come is given up at the deadline, and may come later") {
    test::TempFolder folder;
    const std::string gate = (folder.path() / "gate").string();
    REQUIRE(::mkfifo(gate.c_str(), 0600) == 0);
    ChildProcess child(shell("printf half; read go < " + gate + "; echo ' whole'"));
    CHECK(child.read_line(50ms) == std::nullopt);
    CHECK(child.running());
    const UniqueFd writer(::open(gate.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::write(writer.get(), "\n", 1) == 1);
    CHECK(child.read_line(10s) == "half whole");
}

TEST_CASE("a line without end is refused, not kept for ever") {
    ChildProcess child(shell("exec cat /dev/zero"));
    CHECK_THROWS_AS(child.read_line(30s), EnvironmentError);
}

TEST_CASE("a program that cannot be started is told by name and reason") {
    ChildOptions options;
    options.argv = {"/nonexistent/program"};
    CHECK_THROWS_WITH(ChildProcess(options),
                      "cannot start /nonexistent/program: No such file or directory");
    options.argv = {"/etc/passwd"};
    CHECK_THROWS_WITH(ChildProcess(options), "cannot start /etc/passwd: Permission denied");
    options.argv = {"/bin/true"};
    options.working_directory = "/nonexistent";
    CHECK_THROWS_AS(ChildProcess(options), EnvironmentError);
    options = {};
    options.argv = {"/bin/true"};
    options.out = ToFile{"/nonexistent/log"};
    CHECK_THROWS_WITH(
        ChildProcess(options),
        "cannot open /nonexistent/log for a child process: No such file or directory");
}

TEST_CASE("output goes to a file, input comes from one, and environment and folder are as asked") {
    test::TempFolder folder;
    write_private_file(folder.path() / "in", "from the file");
    ChildOptions options;
    options.argv = {"/bin/sh", "-c", "cat; echo; pwd; echo $GREETING >&2; echo ${HOME-no home}"};
    options.environment = {"GREETING=hello"};
    options.working_directory = folder.path();
    options.stdin_file = folder.path() / "in";
    options.out = ToFile{folder.path() / "log"};
    options.err = ToFile{folder.path() / "log"};
    REQUIRE(ChildProcess(options).wait(10s));
    CHECK(read_file_or_empty(folder.path() / "log") ==
          "from the file\n" + folder.path().string() + "\nhello\nno home\n");
}

TEST_CASE("no file of the parent is open in the child, not even one without close-on-exec") {
    const UniqueFd leaky(::open("/dev/null", O_RDONLY));
    ChildProcess child(shell("echo /proc/self/fd/*"));
    const auto fds = child.read_line(10s);
    REQUIRE(fds);
    // 0, 1 and 2; the shell itself opens the folder it lists.
    CHECK(fds->find("/proc/self/fd/2") != std::string::npos);
    CHECK(fds->find("/proc/self/fd/" + std::to_string(leaky.get()) + " ") == std::string::npos);
    CHECK(std::count(fds->begin(), fds->end(), ' ') <= 3);
}

TEST_CASE("the parent's blocked and ignored signals are not the child's") {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    REQUIRE(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
    auto* const handler = std::signal(SIGTERM, SIG_IGN);
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    ChildProcess child(options);
    const auto status = child.terminate(10s);
    REQUIRE(status);
    CHECK(status->signal == SIGTERM);
    std::signal(SIGTERM, handler);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a child leads a process group of its own") {
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    const ChildProcess child(options);
    CHECK(::getpgid(child.pid()) == child.pid());
    CHECK(::getpgrp() != child.pid());
}

TEST_CASE("a child that ignores SIGTERM is killed, with the processes it has started") {
    ChildProcess child(shell("trap '' TERM; sleep 1000 & echo $!; while :; do wait; done"));
    const auto line = child.read_line(10s);
    REQUIRE(line);
    const auto grandchild = identify(std::stoi(*line));
    REQUIRE(grandchild);
    const auto status = child.terminate(100ms);
    REQUIRE(status);
    CHECK(status->signal == SIGKILL);
    CHECK(test::eventually([&] { return !is_running(*grandchild); }));
}

TEST_CASE("a child ends with its object, and an object moved from ends nothing") {
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    std::optional<ProcessIdentity> process;
    {
        ChildProcess first(options);
        process = first.identity();
        ChildProcess second(std::move(first));
        { const ChildProcess gone(std::move(first)); }  // NOLINT(bugprone-use-after-move)
        CHECK(second.running());
        CHECK(second.pid() == process->pid);
        first = std::move(second);
        CHECK(first.running());
    }
    CHECK_FALSE(is_running(*process));
}

TEST_CASE("a child dies with a parent that is killed by SIGKILL") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const pid_t parent = ::fork();
    if (parent == 0) {
        ChildOptions options;
        options.argv = {"/bin/sleep", "1000"};
        const ChildProcess child(options);
        const pid_t pid = child.pid();
        if (::write(writer.get(), &pid, sizeof pid) != sizeof pid) ::_exit(1);
        for (;;) ::pause();
    }
    pid_t pid = 0;
    REQUIRE(::read(reader.get(), &pid, sizeof pid) == sizeof pid);
    const auto child = identify(pid);
    REQUIRE(child);
    CHECK(is_running(*child));
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    CHECK(test::eventually([&] { return !is_running(*child); }));
}

TEST_CASE("in a process forked from the parent, the object's end leaves the child alone") {
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    auto child = std::make_unique<ChildProcess>(options);
    const pid_t forked = ::fork();
    if (forked == 0) {
        child.reset();
        ::_exit(0);
    }
    ::waitpid(forked, nullptr, 0);
    CHECK(child->running());
}

TEST_CASE("a process is told apart from a later one with the same pid") {
    const auto self = identify(::getpid());
    REQUIRE(self);
    CHECK(is_running(*self));
    CHECK_FALSE(is_running(ProcessIdentity{self->pid, self->start_ticks + 1}));
    // As gone as can be: nothing is sent to a process with another start.
    CHECK(end_process({self->pid, self->start_ticks + 1}, SIGKILL, 0ms));
}
