#include <catch2/catch.hpp>

#include "tests/support/program.h"

using namespace claimstorm;
using namespace claimstorm::test;
namespace fs = std::filesystem;

TEST_CASE("what init writes passes a dry run unchanged") {
    const TemporaryFolder folder;
    Program program(folder.path);
    fs::create_directory(folder.path / "targets");
    const Ended made = program.claimstorm({"init", "targets/my shop.json"});
    INFO(made.out << made.err);
    REQUIRE(made.status == 0);
    CHECK(made.out.find("claimstorm run targets/my-shop-burst.json --dry-run") !=
          std::string::npos);
    const Ended shown = program.claimstorm({"run", "targets/my-shop-burst.json", "--dry-run"});
    INFO(shown.out << shown.err);
    CHECK(shown.status == 0);
    CHECK(shown.out.find("scenario my-shop-burst ") == 0);
    CHECK(shown.out.find("POST /coupons/7/claims HTTP/1.1") != std::string::npos);
    CHECK(shown.out.find("GET /coupons/7/claims/CLAIM-ID HTTP/1.1") != std::string::npos);
    CHECK_FALSE(fs::exists(folder.path / "runs"));
}

TEST_CASE("init takes the service's URL, and its host may be stormed then") {
    const TemporaryFolder folder;
    Program program(folder.path);
    REQUIRE(program.claimstorm({"init", "--url", "http://shop.example:8080/api"}).status == 0);
    const Ended shown = program.claimstorm({"run", "target-burst.json", "--dry-run"});
    INFO(shown.err);
    CHECK(shown.status == 0);
    CHECK(shown.out.find("POST /api/coupons/7/claims HTTP/1.1\r\nHost: shop.example:8080\r\n") !=
          std::string::npos);
    CHECK(program.claimstorm({"init", "b.json", "--url", "shop.example"}).status == 2);
    CHECK_FALSE(fs::exists(folder.path / "b.json"));
}

TEST_CASE("init overwrites nothing unless forced, not even one of its two files") {
    const TemporaryFolder folder;
    Program program(folder.path);
    spill(folder.path / "a-burst.json", "mine");
    const Ended refused = program.claimstorm({"init", "a.json"});
    CHECK(refused.status == 2);
    CHECK(refused.complained_in_one_line());
    CHECK(refused.err.find("'a-burst.json' is there already") != std::string::npos);
    CHECK_FALSE(fs::exists(folder.path / "a.json"));
    CHECK(slurp(folder.path / "a-burst.json") == "mine");
    CHECK(program.claimstorm({"init", "a.json", "--force"}).status == 0);
    CHECK(slurp(folder.path / "a-burst.json").find("\"a-burst\"") != std::string::npos);
    CHECK(program.claimstorm({"init", "a.json"}).status == 2);
    CHECK(program.claimstorm({"init", "nowhere/a.json"}).status == 3);
}

TEST_CASE("init prints one document that is a scenario by itself") {
    const TemporaryFolder folder;
    const Ended printed =
        Program(folder.path).claimstorm({"init", "-", "--url", "http://[::1]:81"});
    REQUIRE(printed.status == 0);
    spill(folder.path / "s.json", printed.out);
    const Ended shown = Program(folder.path).claimstorm({"run", "s.json", "--dry-run"});
    INFO(shown.err);
    CHECK(shown.status == 0);
    CHECK(shown.out.find("the first 3 requests to http://[::1]:81:") != std::string::npos);
}
