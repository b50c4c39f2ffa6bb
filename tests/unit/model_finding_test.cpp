#include <catch2/catch.hpp>

#include "model/error.h"
#include "model/evidence.h"
#include "model/finding.h"
#include "model/result.h"

namespace claimstorm::test {
namespace {

Verdict verdict_of(const std::vector<Verdict>& checks, const std::vector<Verdict>& limits = {}) {
    std::vector<Finding> findings;
    for (const Verdict verdict : checks) {
        findings.emplace_back();
        findings.back().verdict = verdict;
    }
    std::vector<Gate> gates;
    for (const Verdict verdict : limits) {
        gates.emplace_back();
        gates.back().verdict = verdict;
    }
    return combine(findings, gates);
}

}  // namespace

TEST_CASE("each verdict reads back from its name") {
    for (const Verdict verdict :
         {Verdict::holds, Verdict::violated, Verdict::inconclusive, Verdict::skipped}) {
        CHECK(verdict_from(to_string(verdict)) == verdict);
    }
    CHECK(to_string(Verdict::violated) == "violated");
    CHECK_FALSE(verdict_from("VIOLATED").has_value());
}

TEST_CASE("a run is violated if anything is, else inconclusive if anything is, else it holds") {
    using enum Verdict;
    CHECK(verdict_of({holds, skipped}) == holds);
    CHECK(verdict_of({holds, inconclusive}) == inconclusive);
    CHECK(verdict_of({holds, inconclusive, violated}) == violated);
    CHECK(verdict_of({violated, holds}) == violated);
    CHECK(verdict_of({holds}, {holds}) == holds);
    CHECK(verdict_of({holds}, {violated}) == violated);
    CHECK(verdict_of({holds}, {inconclusive}) == inconclusive);
    CHECK(verdict_of({violated}, {inconclusive}) == violated);
    CHECK(verdict_of({inconclusive}, {violated}) == violated);
}

TEST_CASE("a run in which no check was judged proves nothing, whatever its gates say") {
    using enum Verdict;
    CHECK(verdict_of({}) == inconclusive);
    CHECK(verdict_of({skipped, skipped}) == inconclusive);
    CHECK(verdict_of({skipped}, {holds}) == inconclusive);
    CHECK(verdict_of({skipped}, {violated}) == violated);
}

TEST_CASE("witnesses beyond the limit are counted and not made") {
    Finding finding;
    std::size_t made = 0;
    for (std::size_t i = 0; i < kWitnessesKept + 5; ++i) {
        finding.add_witness([&] {
            ++made;
            return Witness{};
        });
    }
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == kWitnessesKept + 5);
    CHECK(made == kWitnessesKept);
}

TEST_CASE("a reading is not named, unreadable with the reason, or read") {
    const Reading<std::int64_t> none;
    CHECK_FALSE(none.is_named());
    CHECK_FALSE(none.is_read());
    const Reading<std::int64_t> unreadable = Unreadable{"denied"};
    CHECK(unreadable.is_named());
    CHECK_FALSE(unreadable.is_read());
    CHECK(unreadable.why() == "denied");
    const Reading<std::int64_t> read = 7;
    CHECK(read.is_named());
    CHECK(read.is_read());
    CHECK(*read == 7);
}

TEST_CASE("an outcome's count is its own") {
    StormFigures storm;
    storm.outcomes = {1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(storm.count(Outcome::granted) == 1);
    CHECK(storm.count(Outcome::not_sent) == 8);
}

TEST_CASE("each kind of error knows its exit status") {
    CHECK(UsageError("x").exit_status() == 2);
    CHECK(EnvironmentError("x").exit_status() == 3);
    CHECK(Interrupted("x").exit_status() == 130);
}

}  // namespace claimstorm::test
