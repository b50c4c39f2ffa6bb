#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "lab/posix.h"
#include "model/error.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;

TEST_CASE("a log's tail is its last lines, empty ones left out") {
    test::TempFolder folder;
    const auto log = folder.path() / "log";
    CHECK(tail_of(log) == "  (the log is empty)");
    write_private_file(log, "one\ntwo\n\nthree");
    CHECK(tail_of(log, 2) == "  two\n  three");
    CHECK(tail_of(log, 3) == "  one\n  two\n  three");
    CHECK(tail_of(log, 10) == "  one\n  two\n  three");
}

TEST_CASE("a private file is readable by its owner alone, also when it replaces another") {
    test::TempFolder folder;
    const auto file = folder.path() / "secret";
    write_private_file(file, "first, longer");
    std::filesystem::permissions(file, std::filesystem::perms::all);
    write_private_file(file, "second");
    CHECK(read_file_or_empty(file) == "second");
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_THROWS_AS(write_private_file(folder.path() / "no" / "file", ""), EnvironmentError);
}

TEST_CASE("random passwords are hex, as long as asked, and differ") {
    const std::string one = random_hex(16);
    CHECK(one.size() == 32);
    CHECK(one.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(one != random_hex(16));
}
