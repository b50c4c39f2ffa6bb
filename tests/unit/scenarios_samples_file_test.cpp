#include <fstream>
#include <limits>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "scenarios/samples_file.h"
#include "scenarios/watch.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

StoreSample full_sample(TimeNs begun) {
    StoreSample sample;
    sample.begun_ns = begun;
    sample.ended_ns = begun + 10;
    sample.backlog_before = std::int64_t{3};
    sample.rows = std::int64_t{97};
    sample.backlog_after = std::int64_t{2};
    sample.cache_remaining = std::int64_t{-5};
    return sample;
}

bool same(const Reading<std::int64_t>& left, const Reading<std::int64_t>& right) {
    if (left.is_named() != right.is_named() || left.is_read() != right.is_read()) return false;
    if (left.is_read()) return *left == *right;
    return !left.is_named() || (left.why() == right.why() && left.is_absent() == right.is_absent());
}

bool same(const StoreSample& left, const StoreSample& right) {
    return left.begun_ns == right.begun_ns && left.ended_ns == right.ended_ns &&
           left.backlog_at_once == right.backlog_at_once &&
           same(left.backlog_before, right.backlog_before) && same(left.rows, right.rows) &&
           same(left.backlog_after, right.backlog_after) &&
           same(left.cache_remaining, right.cache_remaining);
}

void append(const std::filesystem::path& folder, const std::string& text) {
    std::ofstream(folder / kSamplesFile, std::ios::app) << text;
}

/// What is said of a file whose second line is this.
std::string complaint(const std::string& line) {
    const TemporaryFolder folder;
    { SamplesWriter(folder.path / kSamplesFile).add(full_sample(0)); }
    append(folder.path, line + "\n");
    try {
        read_samples(folder.path);
    } catch (const UsageError& error) {
        const std::string told = error.what();
        const std::string where = (folder.path / kSamplesFile).string();
        REQUIRE(told.rfind(where, 0) == 0);
        CHECK(told.find('\n') == std::string::npos);
        return told.substr(where.size());
    }
    return "";
}

}  // namespace

TEST_CASE("samples come back from their file as they were taken") {
    const TemporaryFolder folder;
    CHECK_FALSE(read_samples(folder.path));
    std::vector<StoreSample> samples = {full_sample(-7), full_sample(3), full_sample(13)};
    samples[1].rows = Unreadable{"mysql.claims: \"gone\"\nfor good"};
    samples[1].backlog_before = Unreadable{"no such key", true};
    samples[1].backlog_at_once = false;
    samples[2].backlog_before = samples[2].backlog_after = samples[2].cache_remaining = {};
    {
        SamplesWriter writer(folder.path / kSamplesFile);
        CHECK(read_samples(folder.path)->samples.empty());
        for (const StoreSample& sample : samples) writer.add(sample);
    }
    const auto watched = read_samples(folder.path);
    REQUIRE(watched);
    CHECK(watched->cut.empty());
    REQUIRE(watched->samples.size() == samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        INFO(i);
        CHECK(same(watched->samples[i], samples[i]));
    }
}

TEST_CASE("a line of samples is one JSON object with the names of the evidence") {
    const TemporaryFolder folder;
    { SamplesWriter(folder.path / kSamplesFile).add(full_sample(5)); }
    CHECK(slurp(folder.path / kSamplesFile) ==
          R"({"begun_ns":5,"ended_ns":15,"backlog_before":3,"rows":97,"backlog_after":2,)"
          R"("cache_remaining":-5})"
          "\n");
}

TEST_CASE("a last line that was not written to its end is left out, and told") {
    const TemporaryFolder folder;
    { SamplesWriter(folder.path / kSamplesFile).add(full_sample(0)); }
    append(folder.path, R"({"begun_ns":20,"ended_)");
    const auto watched = read_samples(folder.path);
    REQUIRE(watched);
    CHECK(watched->samples.size() == 1);
    CHECK(watched->cut == "samples.ndjson: the last line is cut off and left out");
}

TEST_CASE("a line that is no sample is named by file and line") {
    CHECK(complaint(R"({"begun_ns":20,"ended_ns":21,"rows":7})").empty());
    CHECK(complaint("{").find(":2: not JSON") == 0);
    CHECK(complaint("").find(":2: not JSON") == 0);
    CHECK(complaint("[1]").find(":2: /: an object is wanted here") == 0);
    CHECK(complaint(R"({"begun_ns":20})").find("'ended_ns' is missing") != std::string::npos);
    CHECK(complaint(R"({"begun_ns":20,"ended_ns":21,"row":7})").find("did you mean 'rows'?") !=
          std::string::npos);
    CHECK(complaint(R"({"begun_ns":20,"ended_ns":21,"rows":-1})").find("too small") !=
          std::string::npos);
    CHECK(complaint(R"({"begun_ns":20,"ended_ns":21,"rows":1.5})").find("whole number") !=
          std::string::npos);
    CHECK_FALSE(complaint(R"({"begun_ns":20,"ended_ns":21,"rows":99999999999999999999})").empty());
    CHECK(complaint(R"({"begun_ns":9,"ended_ns":21})").find(":2: 9 to 21 ns is no time after") ==
          0);
    CHECK(complaint(R"({"begun_ns":22,"ended_ns":21})").find("is no time after") !=
          std::string::npos);
    CHECK(complaint(R"({"begun_ns":20,"ended_ns":9223372036854775807})").find("out of range") !=
          std::string::npos);
    CHECK(complaint("\"" + std::string(70'000, 'x') + "\"").find(":2: 70002 bytes") == 0);
}

TEST_CASE("samples that cannot be written are an error that names the file") {
    CHECK_THROWS_WITH(SamplesWriter("/nonexistent/samples.ndjson"),
                      "cannot write /nonexistent/samples.ndjson: No such file or directory");
    SamplesWriter full("/dev/full");
    CHECK_THROWS_WITH(full.add(full_sample(0)), "cannot write /dev/full: No space left on device");
}

TEST_CASE("the interval of a watch is a time from a millisecond to an hour") {
    using namespace std::chrono_literals;
    CHECK(watch_interval_from("1ms", "--watch-every") == 1ms);
    CHECK(watch_interval_from("1h", "--watch-every") == 1h);
    for (const char* text : {"999us", "3601s", "0", "-1s", "soon", ""}) {
        INFO(text);
        CHECK_THROWS_WITH(watch_interval_from(text, "--watch-every"),
                          Catch::StartsWith("--watch-every: '" + std::string(text) +
                                            "' is no time from 1ms to 1h"));
    }
}

TEST_CASE("a target that names nothing to sample cannot be watched") {
    EvidenceSpec spec;
    CHECK_THROWS_AS(require_watchable(spec, "s"), UsageError);
    spec.redis.emplace();
    spec.redis->locks = {{"lock:*"}};
    CHECK_THROWS_AS(require_watchable(spec, "s"), UsageError);
    spec.redis->backlog = {{{"LLEN", "q"}}};
    CHECK_NOTHROW(require_watchable(spec, "s"));
    spec.redis.reset();
    spec.mysql.emplace();
    CHECK_THROWS_AS(require_watchable(spec, "s"), UsageError);
    spec.mysql->claims = {{"SELECT 1 AS user"}};
    CHECK_NOTHROW(require_watchable(spec, "s"));
}
