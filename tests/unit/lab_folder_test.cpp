#include "lab/lab_folder.h"

#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "lab/child_process.h"
#include "model/error.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// What a lab leaves behind whose process was killed.
fs::path dead_lab(const fs::path& root, const std::string& id,
                  const std::vector<ProcessIdentity>& servers) {
    LabRecord record;
    record.id = id;
    record.folder = root / id;
    record.servers = servers;
    fs::create_directories(record.folder / "mariadb" / "data");
    write_private_file(record.folder / "alive", "");
    write_record(record);
    return record.folder;
}

struct Environment {
    Environment(const char* variable, const std::string& value) : name(variable) {
        if (const char* old = std::getenv(variable)) before = old;
        ::setenv(variable, value.c_str(), 1);
    }
    ~Environment() { before ? ::setenv(name, before->c_str(), 1) : ::unsetenv(name); }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;
    const char* name;
    std::optional<std::string> before;
};

}  // namespace

TEST_CASE("labs live where the options say, else the environment, else below TMPDIR") {
    const Environment none("CLAIMSTORM_LAB_DIR", "");
    const Environment temporary("TMPDIR", "/somewhere");
    CHECK(labs_root("") == "/somewhere/claimstorm-labs-" + std::to_string(::geteuid()));
    const Environment named("CLAIMSTORM_LAB_DIR", "/elsewhere/labs");
    CHECK(labs_root("") == "/elsewhere/labs");
    CHECK(labs_root("/asked") == "/asked");
}

TEST_CASE("a lab's folder is its owner's alone, and lives as long as its object") {
    test::TempFolder temporary;
    const fs::path root = temporary.path() / "deep" / "labs";
    fs::path path;
    {
        const LabFolder folder(root);
        path = folder.path();
        struct stat status {};
        REQUIRE(::stat(path.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777) == 0700);
        const auto living = sweep_labs(root);
        REQUIRE(living.size() == 1);
        CHECK(living[0].folder == path);
        CHECK(living[0].id == path.filename());
        CHECK(living[0].holder.pid == ::getpid());
        CHECK_FALSE(living[0].ready);
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(sweep_labs(root).empty());
}

TEST_CASE("a root that others could have prepared is refused") {
    test::TempFolder temporary;
    const fs::path open = temporary.path() / "open";
    fs::create_directory(open);
    fs::permissions(open, fs::perms::all);
    CHECK_THROWS_WITH(LabFolder(open), Catch::Contains("CLAIMSTORM_LAB_DIR"));
    CHECK_THROWS_AS(sweep_labs(open), EnvironmentError);
    const fs::path link = temporary.path() / "link";
    fs::create_directory(temporary.path() / "real");
    fs::create_symlink(temporary.path() / "real", link);
    CHECK_THROWS_AS(LabFolder(link), EnvironmentError);
    CHECK_THROWS_WITH(LabFolder("/proc/labs"), Catch::Contains("/proc/labs"));
}

TEST_CASE("a dead lab is swept: its servers are killed and its folder is removed") {
    test::TempFolder temporary;
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    ChildProcess server(options);
    const fs::path folder = dead_lab(temporary.path(), "lab-0123ab", {*server.identity()});
    CHECK(sweep_labs(temporary.path()).empty());
    CHECK_FALSE(fs::exists(folder));
    const auto status = server.wait(0ms);
    REQUIRE(status);
    CHECK(status->signal == SIGKILL);
}

TEST_CASE("a process that merely has a dead server's pid is left alone") {
    test::TempFolder temporary;
    ChildOptions options;
    options.argv = {"/bin/sleep", "1000"};
    ChildProcess stranger(options);
    ProcessIdentity server = *stranger.identity();
    server.start_ticks -= 1;
    const fs::path folder = dead_lab(temporary.path(), "lab-0123ab", {server});
    sweep_labs(temporary.path());
    CHECK_FALSE(fs::exists(folder));
    CHECK(stranger.running());
}

TEST_CASE("a sweep removes nothing but labs") {
    test::TempFolder temporary;
    const fs::path& root = temporary.path();
    fs::create_directories(root / "photos" / "2026");
    fs::create_directories(root / "lab-notes");
    fs::create_directories(root / "lab-abcdef" / "thesis");  // a lab's name, but not a lab
    fs::create_directories(root / "elsewhere");
    write_private_file(root / "elsewhere" / "alive", "");
    fs::create_directory_symlink(root / "elsewhere", root / "lab-abcde0");
    write_private_file(root / "lab-abcde1", "a file");
    const fs::path unborn = root / "lab-abcde2";  // killed between mkdir and its first file
    fs::create_directory(unborn);
    CHECK(sweep_labs(root).empty());
    CHECK(fs::exists(root / "photos" / "2026"));
    CHECK(fs::exists(root / "lab-notes"));
    CHECK(fs::exists(root / "lab-abcdef" / "thesis"));
    CHECK(fs::exists(root / "elsewhere" / "alive"));
    CHECK(fs::exists(root / "lab-abcde1"));
    CHECK_FALSE(fs::exists(unborn));
}

TEST_CASE("labs born while others sweep are never swept") {
    test::TempFolder temporary;
    const fs::path root = temporary.path() / "labs";
    fs::create_directory(root);
    fs::permissions(root, fs::perms::owner_all);
    constexpr int kSweepers = 3;
    std::vector<pid_t> sweepers;
    for (int i = 0; i < kSweepers; ++i) {
        sweepers.push_back(::fork());
        if (sweepers.back() == 0) {
            const pid_t parent = ::getppid();
            while (::getppid() == parent) sweep_labs(root);
            ::_exit(0);
        }
    }
    int lost = 0;
    for (int i = 0; i < 100; ++i) {
        const LabFolder folder(root);
        if (!fs::exists(folder.path() / "alive")) ++lost;
        if (!read_record(folder.path())) ++lost;
    }
    CHECK(lost == 0);
    for (const pid_t sweeper : sweepers) {
        ::kill(sweeper, SIGKILL);
        ::waitpid(sweeper, nullptr, 0);
    }
    CHECK(test::lab_folders(root).empty());
}

TEST_CASE("a forked process that ends does not take its parent's lab with it") {
    test::TempFolder temporary;
    auto folder = std::make_unique<LabFolder>(temporary.path());
    const pid_t forked = ::fork();
    if (forked == 0) {
        folder.reset();
        ::_exit(0);
    }
    ::waitpid(forked, nullptr, 0);
    CHECK(sweep_labs(temporary.path()).size() == 1);
    CHECK(fs::exists(folder->path()));
}
