#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

Figures figures_of(std::int64_t rows, std::int64_t left, std::int64_t wanted, std::int64_t losers,
                   std::int64_t told_sold_out, std::int64_t refused) {
    return {{"stock", 3},        {"rows", rows},     {"left", left},
            {"wanted", wanted},  {"losers", losers}, {"told_sold_out", told_sold_out},
            {"refused", refused}};
}

}  // namespace

TEST_CASE("enough who want it and all of it gone is right, one left is an undersell") {
    const Finding gone = check_undersell(storm(3).sold(3).refuse("x"));
    CHECK(gone.check == "undersell");
    CHECK(gone.verdict == Verdict::holds);
    CHECK(gone.summary == "4 units wanted, 3 rows for a stock of 3");
    CHECK(figures(gone) == figures_of(3, 0, 4, 1, 1, 1));
    CHECK(gone.witness_count == 0);

    const Finding left = check_undersell(storm(3).sold(2).refuse("x"));
    CHECK(left.verdict == Verdict::violated);
    CHECK(left.strength == Strength::definite);
    CHECK(left.summary ==
          "3 units wanted, 2 rows for a stock of 3: 1 unit left, 1 user went without, all of them "
          "told sold_out");
    CHECK(figures(left) == figures_of(2, 1, 3, 1, 1, 1));
    CHECK(sentences(left) ==
          std::vector<std::string>{"x got nothing and was told sold_out (attempt 2)"});
    CHECK(left.witnesses[0].attempts == std::vector<std::uint64_t>{2});
    CHECK(left.witness_count == 1);
}

TEST_CASE("fewer who want it than there is prove nothing") {
    const Finding finding =
        check_undersell(storm(4).sold(2).refuse("x").refuse("x").attempt("y", Outcome::not_sent));
    CHECK(finding.verdict == Verdict::skipped);
    CHECK(finding.summary ==
          "3 units wanted, 2 rows for a stock of 4: fewer wanted than there was");
    CHECK(check_undersell(storm(4).sold(2).refuse("x").refuse("y")).verdict == Verdict::violated);
}

TEST_CASE("queued claims and rows from before count as sold, and as wanted") {
    CHECK(check_undersell(storm(3).sold(2).backlog(1).refuse("x")).verdict == Verdict::holds);
    const Finding queued = check_undersell(storm(3).sold(1).backlog(1).refuse("x").refuse("y"));
    CHECK(queued.verdict == Verdict::violated);
    CHECK(figures(queued).at("backlog") == 1);
    CHECK(figures(queued).at("left") == 1);
    const Finding old = check_undersell(storm(3).old_row("a", "7").sold(1).refuse("x"));
    CHECK(old.verdict == Verdict::violated);
    CHECK(figures(old) == figures_of(2, 1, 3, 1, 1, 1));
}

TEST_CASE("who was not told sold_out at last makes it possible only") {
    const auto with_last = [](Outcome outcome) {
        return check_undersell(storm(3).sold(1).refuse("x").refuse("y").attempt("y", outcome));
    };
    CHECK(with_last(Outcome::sold_out).strength == Strength::definite);
    for (const Outcome other : {Outcome::already_claimed, Outcome::rejected, Outcome::throttled,
                                Outcome::unknown, Outcome::pending, Outcome::granted}) {
        INFO(to_string(other));
        CHECK(with_last(other).verdict == Verdict::violated);
        CHECK(with_last(other).strength == Strength::possible);
    }
    CHECK(with_last(Outcome::not_sent).strength == Strength::definite);
    CHECK(says(with_last(Outcome::throttled),
               "2 users went without; 1 were last told sold_out, 0 refused for another reason, 1 "
               "might yet come again"));
    CHECK(figures(with_last(Outcome::throttled)) == figures_of(1, 2, 3, 2, 1, 1));
    CHECK(says(with_last(Outcome::rejected), "1 refused for another reason, 0 might yet"));
    CHECK(figures(with_last(Outcome::rejected)) == figures_of(1, 2, 3, 2, 1, 2));
}

TEST_CASE("the last answer is the one that ended last, whatever stands where in the history") {
    auto story = storm(2).sold(1).refuse("x", Outcome::throttled).refuse("x");
    CHECK(check_undersell(story).strength == Strength::definite);
    story.raw().history.attempts.update(1, [](Attempt& a) { a.done_ns = 90'000; });
    CHECK(check_undersell(story).verdict == Verdict::inconclusive);
    // Of two that ended in one instant, the later one of the history.
    story.raw().history.attempts.update(1, [](Attempt& a) { a.done_ns = 3000; });
    CHECK(check_undersell(story).strength == Strength::definite);
    CHECK(check_undersell(story).verdict == Verdict::violated);
    auto silent = storm(2).sold(1).lose_reply("x").refuse("x");
    CHECK(check_undersell(silent).verdict == Verdict::inconclusive);
    auto polled = storm(2).sold(1).attempt("x", Outcome::pending).refuse("x");
    polled.raw().history.attempts.update(1, [](Attempt& a) { a.done_ns = 1500; });
    CHECK(check_undersell(polled).verdict == Verdict::inconclusive);
}

TEST_CASE("a storm whose losers were all asked to come again accuses nobody") {
    auto story = storm(3)
                     .sold(1)
                     .refuse("x", Outcome::throttled)
                     .lose_reply("y")
                     .attempt("z", Outcome::pending)
                     .grant("lost", "9");
    const Finding open = check_undersell(story);
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary ==
          "5 units wanted, 1 row for a stock of 3: 2 units left, 4 users went without, but none of "
          "them was refused for good (throttled, not answered, or granted without a row): the "
          "storm ended before the sale");
    CHECK(figures(open) == figures_of(1, 2, 5, 4, 0, 0));
    for (const Outcome refusal : {Outcome::sold_out, Outcome::already_claimed, Outcome::rejected}) {
        INFO(to_string(refusal));
        auto refused = story;
        CHECK(check_undersell(refused.refuse("sent away", refusal)).verdict == Verdict::violated);
    }
    // Where all stock went, throttling changes nothing.
    CHECK(check_undersell(storm(1).sold(1).refuse("x", Outcome::throttled)).verdict ==
          Verdict::holds);
}

TEST_CASE("a user may want several where several are allowed, one an attempt") {
    const auto story = [](std::int64_t limit) {
        return storm(3).per_user(limit).grant("a", "1").refuse("a").refuse("a").row("a", "1");
    };
    CHECK(check_undersell(story(1)).verdict == Verdict::skipped);
    CHECK(check_undersell(story(2)).verdict == Verdict::skipped);
    const Finding three = check_undersell(story(3));
    CHECK(three.verdict == Verdict::violated);
    CHECK(three.strength == Strength::definite);
    CHECK(sentences(three) ==
          std::vector<std::string>{"a got only 1 unit and was told sold_out (attempt 2)"});
    CHECK(check_undersell(story(9)).verdict == Verdict::violated);
    // What a user had before leaves less to want.
    auto held = storm(3).per_user(2).old_row("a", "1").refuse("a").refuse("a");
    CHECK(figures(check_undersell(held)).at("wanted") == 2);
    CHECK(check_undersell(held.refuse("b")).verdict == Verdict::violated);
    CHECK(figures(check_undersell(held)).at("losers") == 2);
    // What a user got is what was added, and nothing where an old claim is gone.
    auto added = storm(4).per_user(3).old_row("a", "1").grant("a", "2").row("a", "2").refuse("a");
    CHECK(sentences(check_undersell(added.refuse("b"))) ==
          std::vector<std::string>{"a got only 1 unit and was told sold_out (attempt 1)",
                                   "b got nothing and was told sold_out (attempt 2)"});
    auto gone = storm(2).per_user(2).deleted_row("a", "1").refuse("a");
    CHECK(sentences(check_undersell(gone)) ==
          std::vector<std::string>{"a got nothing and was told sold_out (attempt 0)"});
    auto only_old = storm(1).deleted_row("a", "1").refuse("a");
    CHECK(figures(check_undersell(only_old)).at("losers") == 0);
}

TEST_CASE("without a baseline every row is of this storm") {
    CHECK(check_undersell(storm(3).sold(2).refuse("x").no_baseline()).verdict == Verdict::violated);
}

TEST_CASE("an undersell names users up to the limit and counts them beyond it") {
    auto story = storm(300).sold(1);
    for (int i = 0; i < 299; ++i) story.refuse("x" + std::to_string(i));
    const Finding finding = check_undersell(story);
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 299);
}

TEST_CASE("a click that is answered with what the user already has is no further wish") {
    // A sound service that answers the copy of a click already_claimed, or the same once more.
    for (const bool replays : {false, true}) {
        auto story = storm(4).per_user(2).sold(3);
        for (int i = 0; i < 3; ++i) {
            const std::string user = "u" + std::to_string(i);
            if (replays) story.grant(user, std::to_string(i + 1));
            if (!replays) story.refuse(user, Outcome::already_claimed);
        }
        INFO("replays: " << replays);
        const Finding sound = check_undersell(story);
        CHECK(sound.verdict == Verdict::skipped);
        CHECK(sound.summary ==
              "3 units wanted, 3 rows for a stock of 4: fewer wanted than there was");
        CHECK(figures(sound).at("losers") == 0);
        CHECK(check_undersell(story.refuse("x")).verdict == Verdict::violated);
        CHECK(figures(check_undersell(story)).at("losers") == 1);
    }
    // Who has nothing of this storm did want what it was refused.
    auto nothing = storm(2).sold(1).refuse("x", Outcome::already_claimed);
    CHECK(check_undersell(nothing).verdict == Verdict::violated);
    // A grant whose row is missing is lost_claims' business, whatever its copy was answered.
    auto lost = storm(1).per_user(2).grant("a", "1").refuse("a", Outcome::already_claimed);
    CHECK(figures(check_undersell(lost)).at("wanted") == 1);
    CHECK(check_undersell(lost).verdict == Verdict::inconclusive);
}

TEST_CASE("grants without an id are as many wishes as there are rows, and one where there is one") {
    const auto story = [] { return storm(3).per_user(2).grant("a").grant("a").row("a"); };
    CHECK(figures(check_undersell(story())).at("wanted") == 1);
    CHECK(figures(check_undersell(story().row("a"))).at("wanted") == 2);
    CHECK(check_undersell(story().row("a").refuse("x")).verdict == Verdict::violated);
}

TEST_CASE("a cut history hides who wanted, and who was refused last") {
    CHECK(check_undersell(storm(3).sold(2).history_cut("tail")).verdict == Verdict::inconclusive);
    CHECK(says(check_undersell(storm(3).sold(2).history_cut("tail")), "but the history is cut"));
    const Finding possible = check_undersell(storm(3).sold(2).refuse("x").history_cut("tail"));
    CHECK(possible.verdict == Verdict::violated);
    CHECK(possible.strength == Strength::possible);
    CHECK(says(possible, "but the history is cut"));
    CHECK(check_undersell(storm(3).sold(3).history_cut("tail")).verdict == Verdict::holds);
}

TEST_CASE("undersell is skipped without storm or rows, inconclusive when unread or unsettled") {
    CHECK(check_undersell(storm(1)).verdict == Verdict::skipped);
    CHECK(check_undersell(storm(1)).summary == "no attempt was recorded");
    CHECK(check_undersell(storm(1).refuse("x").no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_undersell(storm(1).refuse("x").unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_undersell(storm(1).refuse("x").claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    auto queue = storm(1).refuse("x");
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_undersell(queue).verdict == Verdict::inconclusive);
    const Finding misspelled = check_undersell(storm(9).grants(9, "u", 1).rows(8, "U", 1));
    CHECK(misspelled.verdict == Verdict::inconclusive);
    CHECK(says(misspelled, "make the claims query and users.template agree"));
}

}  // namespace claimstorm::test
