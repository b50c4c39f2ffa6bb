#include <cstdlib>
#include <map>

#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "tests/support/evidence_builder.h"
#include "tests/support/sanitized.h"
#include "tests/support/sound_run.h"

namespace claimstorm::test {
namespace {

constexpr std::uint32_t kRuns = kSanitized ? 600 : 6'000;

/// Fewer where the tests are run many times over.
std::uint32_t runs() {
    constexpr std::uint32_t kFew = 600;
    return std::getenv("CLAIMSTORM_TEST_REPEATS") == nullptr ? kRuns : kFew;
}

struct Seen {
    std::map<std::string, std::uint32_t> holds;
    std::map<Outcome, std::uint32_t> outcomes;
    std::uint32_t excused = 0;  // runs with grants after a refusal
};

void look_at(std::uint32_t seed, Seen& seen) {
    SoundRun run(random_style(seed), seed);
    const Evidence& evidence = run.evidence();
    for (const Attempt& attempt : evidence.history.attempts) ++seen.outcomes[attempt.outcome];
    for (const Finding& finding : run_checks(evidence, {})) {
        if (finding.verdict == Verdict::violated) {
            FAIL_CHECK("seed " << seed << ": " << finding.check << ": " << finding.summary << "; "
                               << (finding.witnesses.empty() ? "" : finding.witnesses[0].what));
        }
        if (finding.verdict == Verdict::holds) ++seen.holds[finding.check];
        if (finding.check == "claim_order") seen.excused += figures(finding)["late"] > 0 ? 1U : 0U;
    }
}

}  // namespace

TEST_CASE("a sound service is never accused, whatever is lost, repeated or given back", "[slow]") {
    Seen seen;
    const std::uint32_t number = runs();
    for (std::uint32_t seed = 1; seed <= number; ++seed) look_at(seed, seen);
    for (const Check& check : all_checks()) {
        if (check.needs_samples) continue;  // checkers_live_sound_test has a service to watch
        INFO(check.name);
        CHECK(seen.holds[std::string(check.name)] > number / 10);
    }
    for (const Outcome outcome : kOutcomes) {
        INFO(to_string(outcome));
        CHECK(seen.outcomes[outcome] > number / 10);
    }
    CHECK(seen.excused > number / 50);
}

TEST_CASE("of a sound service whose every answer arrived, every check holds", "[sweep]") {
    for (std::uint32_t seed = 1; seed <= 200; ++seed) {
        Style style;
        style.envelopes = true;
        style.tickets = true;
        style.most_attempts = 3;
        style.replays = seed % 2 == 0;
        style.duplicates_first = seed % 3 > 0;
        style.old_rows = 0;
        SoundRun run(style, seed);
        for (const Finding& finding : run_checks(run.evidence(), {})) {
            INFO(seed << " " << finding.check << ": " << finding.summary);
            CHECK(finding.verdict == Verdict::holds);
        }
    }
}

}  // namespace claimstorm::test
