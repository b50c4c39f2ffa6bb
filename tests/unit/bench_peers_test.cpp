#include <filesystem>

#include <catch2/catch.hpp>

#include "bench/peers.h"
#include "model/error.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::bench;

namespace {

const std::atomic<bool> go_on{false};

/// A program that stands in for one that fails.
std::filesystem::path script(const std::filesystem::path& folder, const std::string& text) {
    std::filesystem::path path = folder / "program";
    test::spill(path, "#!/bin/sh\n" + text);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
}

}  // namespace

TEST_CASE("wrk's output is read") {
    LoadRun load;
    REQUIRE(read_output(Tool::wrk,
                        "  124488 requests in 1.10s, 20.30MB read\n"
                        "  Socket errors: connect 1, read 6912, write 0, timeout 13\n"
                        "  Non-2xx or 3xx responses: 100\n"
                        "Requests/sec: 113215.68\n",
                        load));
    CHECK(load.answered == 124'488);
    CHECK(load.failed == 1 + 6912 + 13 + 100);
    CHECK(load.attempts_per_s == Approx(113'215.68));
}

TEST_CASE("ab's output is read") {
    LoadRun load;
    REQUIRE(read_output(Tool::ab,
                        "Complete requests:      50\nFailed requests:        3\n"
                        "Requests per second:    11655.01 [#/sec] (mean)\n",
                        load));
    CHECK(load.answered == 50);
    CHECK(load.failed == 3);
    CHECK(load.attempts_per_s == Approx(11'655.01));
}

TEST_CASE("h2load's output is read") {
    LoadRun load;
    REQUIRE(read_output(Tool::h2load,
                        "finished in 2.47ms, 20267.53 req/s, 3.31MB/s\n"
                        "requests: 50 total, 50 started, 50 done, 49 succeeded, 1 failed, 0 errored"
                        ", 0 timeout\nstatus codes: 49 2xx, 0 3xx, 1 4xx, 0 5xx\n",
                        load));
    CHECK(load.answered == 49);
    CHECK(load.failed == 1);
    CHECK(load.attempts_per_s == Approx(20'267.53));
}

TEST_CASE("hey's output is read") {
    LoadRun load;
    REQUIRE(read_output(Tool::hey,
                        "  Requests/sec:\t3914.1200\n\nStatus code distribution:\n"
                        "  [200]\t48 responses\n\nError distribution:\n  [2]\tPost: refused\n",
                        load));
    CHECK(load.answered == 48);
    CHECK(load.failed == 2);
    CHECK(load.attempts_per_s == Approx(3914.12));
}

TEST_CASE("output without a number of requests is none") {
    LoadRun load;
    CHECK_FALSE(read_output(Tool::wrk, "unable to connect to 127.0.0.1:1\n", load));
}

TEST_CASE("an option that claimstorm does not know leaves a row without a figure") {
    const test::TemporaryFolder folder;
    const Peers peers(folder.path, script(folder.path, "echo 'no option --gate' >&2; exit 2\n"),
                      go_on);
    const LoadRun load = peers.fire(Tool::claimstorm, {"http://127.0.0.1:1"});
    REQUIRE(load.why_not);
    CHECK(*load.why_not == "exit status 2: no option --gate");
}

TEST_CASE("claimstorm's figures are read whatever its verdict") {
    const test::TemporaryFolder folder;
    const Peers peers(folder.path, script(folder.path, R"(for folder in "$@"; do :; done
mkdir "$folder"
echo '{"storm": {"attempts": 12, "attempts_per_s": 3.5, "outcomes": {"granted": 10}}}' \
    > "$folder/result.json"
exit 4
)"),
                      go_on);
    for (int again = 0; again < 2; ++again) {
        const LoadRun load = peers.fire(Tool::claimstorm, {"http://127.0.0.1:1"});
        CHECK_FALSE(load.why_not);
        CHECK(load.answered == 10);
        CHECK(load.failed == 2);
        CHECK(load.attempts_per_s == Approx(3.5));
    }
}

TEST_CASE("what a program used is told, and it is ended when it takes too long") {
    const test::TemporaryFolder folder;
    const ClientRun run = run_client(
        {"/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done"},
        folder.path, std::chrono::seconds(60), go_on);
    CHECK(run.status.ok());
    CHECK(run.out == "done\n");
    CHECK(run.cpu_s > 0.01);
    CHECK(run.cpu_s < run.wall_s + 0.1);
    CHECK(run.rss_max_bytes > 100'000);
    CHECK_THROWS_AS(run_client({"/bin/sleep", "1000"}, folder.path, std::chrono::seconds(0), go_on),
                    EnvironmentError);
    const std::atomic<bool> interrupted{true};
    CHECK_THROWS_AS(
        run_client({"/bin/sleep", "1000"}, folder.path, std::chrono::seconds(60), interrupted),
        Interrupted);
}
