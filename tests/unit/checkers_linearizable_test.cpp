#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"
#include "tests/support/linearizable_story.h"

namespace claimstorm::test {

TEST_CASE("answers that one counter would give hold") {
    EvidenceBuilder story = storm(2).sold(2).refuse("x");
    story.refuse("u1", Outcome::already_claimed).grant("u1", "2").refuse("u0");
    const Finding finding = check_linearizable(story);
    CHECK(finding.check == "linearizable");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary ==
          "one order of all attempts explains every answer: 2 claims for 2 left");
    CHECK(figures(finding) == figures_of(2, 2, 0, 0));
    CHECK(finding.witness_count == 0);
}

TEST_CASE("two claims of one user have no order") {
    const Finding finding = check_linearizable(storm(5).grant("a", "1").grant("a", "2"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "1 user granted two claims");
    CHECK(figures(finding) == figures_of(5, 1, 0, 1));
    CHECK(sentences(finding)[0] == "a (attempt 0) was granted two claims");
    CHECK(finding.witnesses[0].user == "a");
    // An answer without an id may be the same claim again.
    CHECK(check_linearizable(storm(5).grant("a").grant("a", "1")).verdict == Verdict::holds);
}

TEST_CASE("more claims than units have no order") {
    EvidenceBuilder story = storm(1);
    during(story.grant("late", "3"), 1, 9);
    during(story.grant("c", "4"), 1, 9);
    during(story.grant("a", "1"), 1, 3);
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary == "3 claims for 1 left");
    CHECK(figures(finding) == figures_of(1, 3, 0, 2));
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "late (attempt 0) has a claim, and all units had been told to others before",
              "c (attempt 1) has a claim, and all units had been told to others before"});
    CHECK(check_linearizable(storm(1).old_row("o", "1").grant("a", "2")).verdict ==
          Verdict::violated);
    CHECK(check_linearizable(storm(1).old_row("o", "1").old_row("p", "3")).verdict ==
          Verdict::skipped);
    CHECK(figures(check_linearizable(storm(1).old_row("o", "1").old_row("p", "3").grant(
              "o", "1"))) == figures_of(0, 0, 0, 0));
}

TEST_CASE("already_claimed needs a claim that had begun") {
    EvidenceBuilder story = storm(9);
    during(story.refuse("a", Outcome::already_claimed), 1, 3);
    during(story.grant("a", "1"), 3, 5);
    CHECK(check_linearizable(story).verdict == Verdict::holds);

    story.raw().history.attempts.update(1, [](Attempt& a) { a.sent_ns = 3001; });
    const Finding later = check_linearizable(story);
    CHECK(later.verdict == Verdict::violated);
    CHECK(later.summary == "1 user told already_claimed before any claim of theirs");
    CHECK(figures(later) == figures_of(9, 1, 0, 1));
    CHECK(sentences(later)[0] ==
          "a (attempt 0) was told already_claimed, and what can have claimed began later: a "
          "(attempt 1)");
    CHECK(later.witnesses[0].attempts == std::vector<std::uint64_t>{0, 1});

    const Finding never = check_linearizable(storm(9).refuse("a", Outcome::already_claimed));
    CHECK(never.verdict == Verdict::violated);
    CHECK(sentences(never)[0] ==
          "a (attempt 0) was told already_claimed, and no other attempt can have claimed");
    CHECK(never.witnesses[0].attempts == std::vector<std::uint64_t>{0});

    // A claim from before the storm explains it, and so may an attempt that failed.
    CHECK(check_linearizable(storm(9).old_row("a", "1").refuse("a", Outcome::already_claimed))
              .verdict == Verdict::holds);
    for (const Outcome failed : {Outcome::unknown, Outcome::throttled, Outcome::rejected}) {
        INFO(to_string(failed));
        EvidenceBuilder retried = storm(9);
        during(retried.refuse("a", Outcome::already_claimed), 1, 3);
        during(retried.attempt("a", failed), 3, 5);
        CHECK(check_linearizable(retried).verdict == Verdict::holds);
        // A claim that failed and is told of all the same was there for a while.
        CHECK(says(check_linearizable(retried), "only if units were given back") ==
              (failed != Outcome::unknown));
        retried.raw().history.attempts.update(1, [](Attempt& a) { a.sent_ns = 3001; });
        CHECK(check_linearizable(retried).verdict == Verdict::violated);
    }
}

TEST_CASE("a claim that began after a refusal has no order, where nothing comes back") {
    EvidenceBuilder story = storm(2).sold(1);
    during(story.refuse("x"), 3, 5);
    during(story.grant("y", "9").row("y", "9"), 6, 7);
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary == "1 claim served that began after the first sold_out");
    CHECK(figures(finding) == figures_of(2, 2, 0, 1));
    CHECK(sentences(finding)[0] ==
          "y (attempt 2) has a claim and began after sold_out had been told to x (attempt 1)");
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{2, 1});

    SECTION("a failed attempt may have held the unit at the time") {
        during(story.attempt("f", Outcome::throttled), 5, 6);
        const Finding excused = check_linearizable(story);
        CHECK(excused.verdict == Verdict::holds);
        CHECK(excused.summary ==
              "one order of all attempts explains every answer: 2 claims for 2 left; but only if "
              "units were given back, as 1 failed attempt may have done");
        CHECK(figures(excused) == figures_of(2, 2, 1, 0));
        story.change_last([&](Attempt& a) { a.sent_ns = 5001; });
        const Finding late = check_linearizable(story);
        CHECK(late.verdict == Verdict::violated);
        CHECK(late.summary == "1 claim served that began after the first sold_out");
        CHECK(figures(late) == figures_of(2, 2, 1, 1));
    }
}

TEST_CASE("sold out needs all units to be taken") {
    EvidenceBuilder story = storm(3).sold(1);
    during(story.refuse("x"), 3, 5);
    during(story.refuse("z"), 1, 9);
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary == "sold_out was told when 1 of 3 can have been taken");
    CHECK(figures(finding) == figures_of(3, 1, 0, 1));
    CHECK(sentences(finding)[0] ==
          "x (attempt 1) was told sold_out when 1 unit can have been taken");
    CHECK(check_linearizable(storm(3).old_row("o", "7").old_row("p", "8").sold(1).refuse("x"))
              .verdict == Verdict::holds);
}

TEST_CASE("an unanswered attempt took a unit for good, or nothing, where its row tells") {
    EvidenceBuilder story = storm(2).sold(1);
    during(story.refuse("x"), 3, 5);
    during(story.lose_reply("r").row("r", "8"), 5, 0);
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::holds);
    CHECK(figures(finding) == figures_of(2, 1, 0, 0));

    SECTION("it cannot have begun after the refusal") {
        story.change_last([&](Attempt& a) { a.sent_ns = 5001; });
        const Finding late = check_linearizable(story);
        CHECK(late.verdict == Verdict::violated);
        CHECK(late.summary == "sold_out was told when 1 of 2 can have been taken");
    }
    SECTION("kept for good, its unit is not there for somebody who came late") {
        during(story.grant("y", "9").row("y", "9"), 6, 7);
        CHECK(check_linearizable(story).verdict == Verdict::violated);
    }
    SECTION("without a row it may have been given back") {
        EvidenceBuilder gone = storm(2).sold(1);
        during(gone.refuse("x"), 3, 5);
        during(gone.lose_reply("r"), 5, 0);
        during(gone.grant("y", "9").row("y", "9"), 6, 7);
        const Finding excused = check_linearizable(gone);
        CHECK(excused.verdict == Verdict::holds);
        CHECK(figures(excused) == figures_of(2, 2, 1, 0));
    }
    SECTION("of two of them, one may have") {
        during(story.lose_reply("r"), 5, 0);
        during(story.grant("y", "9").row("y", "9"), 6, 7);
        CHECK(figures(check_linearizable(story)) == figures_of(2, 2, 1, 0));
    }
    SECTION("a user who was granted something may have been served by the other attempt") {
        during(story.grant("r", "8"), 6, 7);
        CHECK(figures(check_linearizable(story)) == figures_of(2, 2, 1, 0));
    }
    SECTION("rows that are not at rest tell nothing") {
        CHECK(figures(check_linearizable(story.unsettled("busy"))) == figures_of(2, 1, 1, 0));
    }
    SECTION("without a baseline a row may be an old one") {
        CHECK(figures(check_linearizable(story.no_baseline())).at("may_be_released") == 1);
    }
}

TEST_CASE("where duplicates come first, a holder is never told sold out") {
    EvidenceBuilder story = storm(1).sold(1).refuse("u0");
    CHECK(check_linearizable(story).verdict == Verdict::holds);
    story.raw().campaign.duplicates_first = true;
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary == "1 user told sold_out in spite of a claim of theirs");
    CHECK(figures(finding) == figures_of(1, 1, 0, 1));
    CHECK(sentences(finding)[0] ==
          "u0 (attempt 1) was told sold_out, and has a claim: u0 (attempt 0)");

    SECTION("where units come back, only a grant told before the refusal began is one") {
        story.attempt("f", Outcome::rejected);
        CHECK(check_linearizable(story).verdict == Verdict::holds);  // they touch
        story.raw().history.attempts.update(1, [](Attempt& a) { a.sent_ns = 1001; });
        const Finding stood = check_linearizable(story);
        CHECK(stood.verdict == Verdict::violated);
        CHECK(figures(stood) == figures_of(1, 1, 1, 1));
    }
    SECTION("the last refusal is the one that counts") {
        story.attempt("f", Outcome::rejected);
        during(story.refuse("u0"), 9, 10);
        during(story.refuse("u0"), 1, 10);
        const Finding stood = check_linearizable(story);
        CHECK(stood.verdict == Verdict::violated);
        CHECK(stood.witnesses[0].attempts == std::vector<std::uint64_t>{3, 0});
    }
}

TEST_CASE("a claim told by already_claimed is a claim in spite of sold_out") {
    EvidenceBuilder story = storm(1).lose_reply("a").row("a", "1");
    story.refuse("a", Outcome::already_claimed).refuse("a");
    CHECK(check_linearizable(story).verdict == Verdict::holds);
    story.raw().campaign.duplicates_first = true;
    const Finding finding = check_linearizable(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{2, 1});
    CHECK(figures(finding) == figures_of(1, 1, 0, 1, 1));
}

TEST_CASE("of what happened in one instant one attempt is named, always the same") {
    SECTION("of grants, the first of the history") {
        EvidenceBuilder story = storm(9);
        during(story.refuse("a", Outcome::already_claimed), 1, 3);
        during(story.grant("a", "1"), 5, 6);
        during(story.grant("a", "1"), 5, 6);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{0, 1});
    }
    SECTION("of grants, the first of the history, whatever their ids") {
        EvidenceBuilder story = storm(9);
        during(story.grant("a", "9"), 5, 6);
        during(story.grant("a", "1"), 5, 6);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{0});
    }
    SECTION("of a grant and an attempt without an answer, the grant") {
        EvidenceBuilder story = storm(9);
        during(story.refuse("a", Outcome::already_claimed), 1, 3);
        during(story.lose_reply("a"), 5, 0);
        during(story.grant("a", "1"), 5, 6);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{0, 2});
    }
    SECTION("of refusals, the first of the history") {
        EvidenceBuilder story = storm(1).sold(1);
        story.raw().campaign.duplicates_first = true;
        during(story.refuse("u0"), 3, 4);
        during(story.refuse("u0"), 3, 4);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{1, 0});
    }
    SECTION("of refusals that carry an id, the first of the history as well") {
        EvidenceBuilder story = storm(1).sold(1);
        story.raw().campaign.duplicates_first = true;
        during(story.attempt("u0", Outcome::sold_out, "9"), 3, 4);
        during(story.attempt("u0", Outcome::sold_out, "1"), 3, 4);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{1, 0});
    }
    SECTION("of a grant and an already_claimed, the grant") {
        EvidenceBuilder story = ranked(9);
        during(story.refuse("a", Outcome::already_claimed), 1, 3);
        during(story.grant("a", "1").told_ticket(2), 1, 3);
        during(story.grant("b", "2").told_ticket(1), 4, 5);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{2, 1});
    }
    SECTION("of tickets, the highest") {
        EvidenceBuilder story = ranked(9);
        during(story.grant("a", "1").told_ticket(2), 1, 3);
        during(story.grant("b", "2").told_ticket(3), 1, 3);
        during(story.grant("c", "3").told_ticket(1), 4, 5);
        CHECK(check_linearizable(story).witnesses[0].attempts == std::vector<std::uint64_t>{2, 1});
    }
}

TEST_CASE("a campaign that lets a user claim twice is not judged") {
    const Finding finding = check_linearizable(storm(1).per_user(2).sold(3));
    CHECK(finding.verdict == Verdict::skipped);
    CHECK(finding.summary == "judged where a user may have one claim; here it is 2");
    CHECK(check_linearizable(storm(1)).verdict == Verdict::skipped);
}

TEST_CASE("what is not known of the claims leaves an impossible order open") {
    EvidenceBuilder too_few = storm(3).sold(1).refuse("x");
    EvidenceBuilder cut = too_few;
    const Finding open = check_linearizable(cut.history_cut("3 chunks missing"));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary ==
          "sold_out was told when 1 of 3 can have been taken; but the history is cut: 3 chunks "
          "missing");
    CHECK(open.witness_count == 1);
    EvidenceBuilder unread = too_few;
    CHECK(says(check_linearizable(unread.baseline_unreadable("gone away")),
               "; but the rows before the storm could not be read: gone away"));
    EvidenceBuilder unnamed = too_few;
    CHECK(says(check_linearizable(unnamed.no_claims_query()),
               "; but the rows before the storm are not known"));

    // Some orders are impossible whatever is missing.
    EvidenceBuilder twice = storm(3).grant("a", "1").grant("a", "2");
    CHECK(check_linearizable(EvidenceBuilder(twice).history_cut("x")).verdict == Verdict::violated);
    CHECK(check_linearizable(EvidenceBuilder(twice).no_claims_query()).verdict ==
          Verdict::violated);
    EvidenceBuilder many = storm(1).grant("a", "1").grant("b", "2");
    CHECK(check_linearizable(EvidenceBuilder(many).history_cut("x")).verdict == Verdict::violated);
    CHECK(check_linearizable(EvidenceBuilder(many).no_claims_query()).verdict == Verdict::violated);
    // A claim that only an already_claimed tells of may be one that failed unseen.
    EvidenceBuilder maybe = storm(1).lose_reply("a").row("a", "1").grant("b", "2");
    maybe.refuse("a", Outcome::already_claimed);
    CHECK(check_linearizable(maybe).summary ==
          "2 claims for 1 left: 1 granted, 1 only told already_claimed");
    CHECK(check_linearizable(maybe).verdict == Verdict::violated);
    CHECK(figures(check_linearizable(maybe)) == figures_of(1, 2, 0, 1, 1));
    CHECK(sentences(check_linearizable(maybe)) ==
          std::vector<std::string>{"a (attempt 2) was told to have a claim, and all units had been "
                                   "told to others before"});
    CHECK(check_linearizable(maybe.history_cut("x")).verdict == Verdict::inconclusive);

    CHECK(check_linearizable(storm(1).sold(1).history_cut("x")).verdict == Verdict::inconclusive);
    CHECK(check_linearizable(storm(1).history_cut("x")).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
