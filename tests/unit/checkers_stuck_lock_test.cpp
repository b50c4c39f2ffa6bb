#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("no lock at rest is right, and one that never expires is stuck") {
    const Finding none = check_stuck_lock(storm(1).locks({}, {}));
    CHECK(none.check == "stuck_lock");
    CHECK(none.verdict == Verdict::holds);
    CHECK(none.summary == "no lock is held");
    CHECK(figures(none) == Figures{{"locks", 0}, {"for_ever", 0}, {"old", 0}, {"kept", 0}});

    const Finding stuck = check_stuck_lock(storm(1).locks({}, {{"lock:a", -1}}));
    CHECK(stuck.verdict == Verdict::violated);
    CHECK(stuck.strength == Strength::definite);
    CHECK(stuck.summary == "1 lock held for ever: PTTL -1, nobody at work");
    CHECK(figures(stuck) == Figures{{"locks", 1}, {"for_ever", 1}, {"old", 0}, {"kept", 0}});
    CHECK(
        sentences(stuck) ==
        std::vector<std::string>{"lock:a never expires (PTTL -1) and is held while nobody claims"});
    CHECK(stuck.witnesses[0].key == "lock:a");
    CHECK(stuck.witness_count == 1);
}

TEST_CASE("a lock that was stuck before the storm is stuck still, and said to be old") {
    const Finding finding = check_stuck_lock(
        storm(1).locks({{"lock:b", -1}, {"lock:a", 30}}, {{"lock:a", -1}, {"lock:c", -1}}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary ==
          "2 locks held for ever: PTTL -1, nobody at work; 1 of them from before the storm");
    CHECK(figures(finding) == Figures{{"locks", 2}, {"for_ever", 2}, {"old", 1}, {"kept", 0}});
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "lock:a never expires (PTTL -1) and is held while nobody claims; it was there before "
              "the storm",
              "lock:c never expires (PTTL -1) and is held while nobody claims"});
}

TEST_CASE("a lock that will expire is left to do so") {
    const Finding finding =
        check_stuck_lock(storm(1).locks({{"other", 5}}, {{"lock:a", 4200}, {"lock:b", 0}}));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "2 locks still held, gone within 4,200 ms by expiry");
    CHECK(figures(finding) == Figures{{"locks", 2}, {"for_ever", 0}, {"old", 0}, {"kept", 0}});
}

TEST_CASE("an expiring lock in two looks at rest is possibly kept alive for nobody") {
    const Finding finding =
        check_stuck_lock(storm(1).locks({{"lock:a", 900}}, {{"lock:a", 800}, {"lock:b", 700}}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::possible);
    CHECK(finding.summary == "1 expiring lock held both before the storm and after it");
    CHECK(figures(finding) == Figures{{"locks", 2}, {"for_ever", 0}, {"old", 0}, {"kept", 1}});
    CHECK(sentences(finding) ==
          std::vector<std::string>{"lock:a was held before the storm and is held after it (PTTL "
                                   "800 ms)"});
    const Finding both =
        check_stuck_lock(storm(1).locks({{"lock:a", 900}}, {{"lock:a", 800}, {"lock:b", -1}}));
    CHECK(both.strength == Strength::definite);
    CHECK(both.witness_count == 2);
    CHECK(says(both, "1 lock held for ever: PTTL -1, nobody at work; 1 expiring lock held both"));
}

TEST_CASE("without a baseline no lock is old") {
    auto story = storm(1).locks({}, {{"lock:a", -1}, {"lock:b", 50}});
    story.raw().before.locks = Unreadable{"denied"};
    const Finding finding = check_stuck_lock(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) == Figures{{"locks", 2}, {"for_ever", 1}, {"old", 0}, {"kept", 0}});
}

TEST_CASE("stuck_lock is skipped without patterns, inconclusive when unread or unsettled") {
    CHECK(check_stuck_lock(storm(1)).verdict == Verdict::skipped);
    CHECK(check_stuck_lock(storm(1)).summary == "the target names no lock keys");
    CHECK(check_stuck_lock(storm(1).locks({}, {{"lock:a", -1}}).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    auto story = storm(1).locks({}, {});
    story.raw().after.locks = Unreadable{"connection lost"};
    CHECK(check_stuck_lock(story).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
