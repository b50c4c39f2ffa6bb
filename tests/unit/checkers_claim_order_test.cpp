#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

Figures figures_of(std::int64_t refusals, std::int64_t late, std::int64_t recovered,
                   std::int64_t released, std::int64_t jumps) {
    return {{"sold_out_answers", refusals},
            {"late", late},
            {"recovered_late", recovered},
            {"may_be_released", released},
            {"queue_jumps", jumps}};
}

/// Two are served, a third is sent away; whatever follows begins no earlier than `sent`.
EvidenceBuilder sold_out_at_5() {
    EvidenceBuilder story = storm(2).sold(2);
    during(story.refuse("x"), 3, 5);
    return story;
}

}  // namespace

TEST_CASE("whoever began before a refusal had been told may be served after it") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.grant("y", "9").row("y", "9"), 5, 90);
    const Finding touching = check_claim_order(story);
    CHECK(touching.check == "claim_order");
    CHECK(touching.verdict == Verdict::holds);
    CHECK(touching.summary == "nobody was served who came after a sold_out");
    CHECK(figures(touching) == figures_of(1, 0, 0, 0, 0));
    CHECK(touching.witnesses.empty());
    // Nor does it matter that somebody is told of an earlier claim once more.
    during(story.grant("u1", "2"), 95, 96);
    CHECK(figures(check_claim_order(story)) == figures_of(1, 0, 0, 0, 0));

    const Finding never = check_claim_order(storm(2).sold(2));
    CHECK(never.verdict == Verdict::holds);
    CHECK(never.summary == "nobody was told sold_out");
    CHECK(figures(never) == figures_of(0, 0, 0, 0, 0));
}

TEST_CASE("a grant that began after a refusal had been told is a flapping sale") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.refuse("z"), 1, 900);
    during(story.grant("later", "10").row("later", "10"), 1005, 1006);
    during(story.grant("y", "9").row("y", "9"), 6, 7);
    const Finding finding = check_claim_order(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "2 claims served in attempts that began after the first sold_out");
    CHECK(figures(finding) == figures_of(2, 2, 0, 0, 0));
    CHECK(finding.witness_count == 2);
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].what ==
          "y was granted in attempt 5, which began 0.001 ms after x had been told sold_out "
          "(attempt 2)");
    CHECK(finding.witnesses[0].user == "y");
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"9"});
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{5, 2});
    CHECK(finding.witnesses[1].what ==
          "later was granted in attempt 4, which began 1.000 ms after x had been told sold_out "
          "(attempt 2)");
}

TEST_CASE("late claims that begin in the same instant are told in the order of the history") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.grant("a", "8").row("a", "8"), 9, 10);
    during(story.grant("b", "9").row("b", "9"), 9, 10);
    const Finding finding = check_claim_order(story);
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].user == "a");
    CHECK(finding.witnesses[1].user == "b");
}

TEST_CASE("of what happened in one instant the first of the history is named") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.refuse("x2"), 4, 5);
    during(story.grant("a", "8").row("a", "8"), 9, 12);
    during(story.grant("a", "8"), 9, 11);
    during(story.lose_reply("r").row("r", "9"), 10, 0);
    during(story.lose_reply("r"), 10, 0);
    const Finding finding = check_claim_order(story);
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{4, 2});
    CHECK(finding.witnesses[1].attempts == std::vector<std::uint64_t>{6, 2});
    CHECK(finding.witnesses[1].claim_ids.empty());
}

TEST_CASE("an old grant may be told again after the refusals") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.grant("u1", "2"), 20, 21);
    CHECK(check_claim_order(story).verdict == Verdict::holds);

    // Without claim ids any further yes may be the first one again.
    EvidenceBuilder bare = storm(1).grant("u0").row("u0", "1");
    during(bare.refuse("x"), 3, 5);
    during(bare.grant("u0"), 20, 21);
    CHECK(check_claim_order(bare).verdict == Verdict::holds);
    CHECK(figures(check_claim_order(bare)) == figures_of(1, 0, 0, 0, 0));

    // So may a yes with an id be that of an earlier one without.
    EvidenceBuilder mixed = storm(1).grant("u0").row("u0", "1");
    during(mixed.refuse("x"), 3, 5);
    during(mixed.grant("u0", "1"), 20, 21);
    CHECK(check_claim_order(mixed).verdict == Verdict::holds);

    // A second claim of the same user is another claim.
    EvidenceBuilder second = sold_out_at_5();
    second.per_user(2);
    during(second.grant("u1", "7").row("u1", "7"), 20, 21);
    CHECK(check_claim_order(second).verdict == Verdict::violated);
    CHECK(figures(check_claim_order(second)) == figures_of(1, 1, 0, 0, 0));

    // And a claim held before the storm may be told at any time.
    EvidenceBuilder old = sold_out_at_5();
    during(old.old_row("o", "77").grant("o", "77"), 20, 21);
    CHECK(check_claim_order(old).verdict == Verdict::holds);
}

TEST_CASE("a claim begins with the earliest attempt that told of it") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.grant("y", "9").row("y", "9"), 20, 21);
    during(story.grant("y", "9"), 4, 30);
    CHECK(check_claim_order(story).verdict == Verdict::holds);
    EvidenceBuilder later = sold_out_at_5();
    during(later.grant("y", "9").row("y", "9"), 7, 21);
    during(later.grant("y", "9"), 6, 30);
    const Finding finding = check_claim_order(later);
    REQUIRE(finding.witnesses.size() == 1);
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{4, 2});
}

TEST_CASE("a row whose user never learned the result is a claim as well") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.lose_reply("r").row("r", "9"), 6, 0);
    during(story.lose_reply("r"), 8, 0);
    const Finding finding = check_claim_order(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary ==
          "1 claim served in attempts that began after the first sold_out, 1 of them without an "
          "answer");
    CHECK(figures(finding) == figures_of(1, 0, 1, 0, 0));
    CHECK(finding.witness_count == 1);
    CHECK(sentences(finding)[0] ==
          "r has a row and only began in attempt 3, which began 0.001 ms after x had been told "
          "sold_out (attempt 2)");

    SECTION("it may have begun with any of them") {
        during(story.lose_reply("r"), 5, 0);
        CHECK(check_claim_order(story).verdict == Verdict::holds);
    }
    SECTION("one that began before the refusal had been told came in time") {
        EvidenceBuilder in_time = sold_out_at_5();
        during(in_time.lose_reply("r").row("r", "9"), 5, 0);
        CHECK(check_claim_order(in_time).summary == "nobody was served who came after a sold_out");
        CHECK(figures(check_claim_order(in_time)) == figures_of(1, 0, 0, 1, 0));
    }
    SECTION("it may be of a unit that was given back") {
        during(story.attempt("f", Outcome::throttled), 1, 2);
        const Finding excused = check_claim_order(story);
        CHECK(excused.verdict == Verdict::holds);
        CHECK(excused.summary ==
              "1 claim served in attempts that began after the first sold_out, 1 of them without "
              "an answer; 1 unit may have been given back");
    }
    SECTION("it began before when the row did") {
        EvidenceBuilder old = sold_out_at_5();
        during(old.old_row("r", "9").lose_reply("r"), 6, 0);
        CHECK(check_claim_order(old).verdict == Verdict::holds);
    }
    SECTION("rows that are not at rest, or without a baseline, tell nothing of it") {
        EvidenceBuilder moving = story;
        CHECK(check_claim_order(moving.unsettled("busy")).verdict == Verdict::holds);
        EvidenceBuilder unknown = story;
        CHECK(check_claim_order(unknown.no_baseline()).verdict == Verdict::holds);
    }
}

TEST_CASE("units that failed attempts gave back may be sold after a refusal") {
    const auto with = [](Outcome failed, TimeNs sent) {
        EvidenceBuilder story = sold_out_at_5();
        during(story.attempt("f", failed), sent, sent + 1);
        during(story.grant("y", "9").row("y", "9"), 6, 7);
        return story;
    };
    for (const Outcome failed :
         {Outcome::unknown, Outcome::pending, Outcome::throttled, Outcome::rejected}) {
        INFO(to_string(failed));
        const Finding excused = check_claim_order(with(failed, 5));
        CHECK(excused.verdict == Verdict::holds);
        CHECK(excused.summary ==
              "1 claim served in attempts that began after the first sold_out; 1 unit may have "
              "been given back");
        CHECK(figures(excused) == figures_of(1, 1, 0, 1, 0));
        CHECK(excused.witnesses.empty());
        // What began after the refusal held nothing when it was told.
        CHECK(check_claim_order(with(failed, 6)).verdict == Verdict::violated);
    }
    for (const Outcome never_held :
         {Outcome::sold_out, Outcome::already_claimed, Outcome::not_sent}) {
        INFO(to_string(never_held));
        CHECK(check_claim_order(with(never_held, 5)).verdict == Verdict::violated);
    }

    EvidenceBuilder more = with(Outcome::unknown, 1);
    during(more.grant("z", "10").row("z", "10"), 8, 9);
    const Finding finding = check_claim_order(more);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary ==
          "2 claims served in attempts that began after the first sold_out, 1 unit may have been "
          "given back");
    CHECK(figures(finding) == figures_of(1, 2, 0, 1, 0));
}

TEST_CASE("rows that are gone and grants without a row have given their units back") {
    EvidenceBuilder deleted = sold_out_at_5();
    during(deleted.deleted_row("gone", "70").grant("y", "9").row("y", "9"), 6, 7);
    CHECK(check_claim_order(deleted).verdict == Verdict::holds);
    CHECK(figures(check_claim_order(deleted)) == figures_of(1, 1, 0, 1, 0));

    EvidenceBuilder rolled_back = sold_out_at_5();
    during(rolled_back.grant("lost", "70"), 1, 2);
    during(rolled_back.grant("y", "9").row("y", "9"), 6, 7);
    CHECK(check_claim_order(rolled_back).verdict == Verdict::holds);
    // That cannot be told of rows that are still moving.
    CHECK(check_claim_order(rolled_back.unsettled("busy")).verdict == Verdict::violated);
}

TEST_CASE("units given back are counted where somebody came late, promised or not") {
    EvidenceBuilder nobody = sold_out_at_5();
    nobody.deleted_row("gone", "70");
    CHECK(figures(check_claim_order(nobody)) == figures_of(1, 0, 0, 0, 0));
    EvidenceBuilder unanswered = sold_out_at_5();
    during(unanswered.deleted_row("gone", "70").lose_reply("r").row("r", "9"), 6, 0);
    CHECK(check_claim_order(unanswered).verdict == Verdict::holds);
    CHECK(figures(check_claim_order(unanswered)) == figures_of(1, 0, 1, 1, 0));
}

TEST_CASE("rows nobody was told of are named in the order in which their claims began") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.lose_reply("later").row("later", "8"), 9, 0);
    during(story.lose_reply("first").row("first", "9"), 6, 0);
    const Finding finding = check_claim_order(story);
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].user == "first");
    CHECK(finding.witnesses[1].user == "later");
}

TEST_CASE("tickets follow the order of the claims only where that is promised") {
    EvidenceBuilder story = storm(9);
    during(story.grant("a", "1").row("a", "1").told_ticket(2), 1, 3);
    during(story.grant("b", "2").row("b", "2").told_ticket(1), 4, 5);
    CHECK(check_claim_order(story).verdict == Verdict::holds);
    CHECK(figures(check_claim_order(story)) == figures_of(0, 0, 0, 0, 0));

    story.raw().campaign.ordered_tickets = true;
    const Finding finding = check_claim_order(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "1 claim with a ticket smaller than one told before they began");
    CHECK(figures(finding) == figures_of(0, 0, 0, 0, 1));
    CHECK(finding.witness_count == 1);
    CHECK(sentences(finding)[0] ==
          "b holds ticket 1, and began (attempt 1) after a had been told ticket 2 (attempt 0)");
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{1, 0});

    SECTION("claims that touch may be served in any order") {
        story.raw().history.attempts.update(1, [](Attempt& a) { a.sent_ns = 3000; });
        const Finding touching = check_claim_order(story);
        CHECK(touching.verdict == Verdict::holds);
        CHECK(touching.summary == "nobody was told sold_out; tickets in the order of the claims");
    }
    SECTION("an unanswered attempt may be where the ticket comes from") {
        during(story.lose_reply("b"), 2, 0);
        CHECK(check_claim_order(story).verdict == Verdict::holds);
    }
    SECTION("users with a claim from before the storm have a ticket from then") {
        story.old_row("b", "7");
        CHECK(check_claim_order(story).verdict == Verdict::holds);
    }
    SECTION("the same ticket is no smaller one") {
        story.raw().history.attempts.update(1, [](Attempt& a) { a.ticket = 2; });
        CHECK(check_claim_order(story).verdict == Verdict::holds);
    }
}

TEST_CASE("of all tickets above, the one told first must be overtaken") {
    EvidenceBuilder story = storm(9);
    story.raw().campaign.ordered_tickets = true;
    during(story.grant("c", "3").told_ticket(5), 1, 20);
    during(story.grant("d", "4").told_ticket(4), 1, 8);
    during(story.grant("d2", "5").told_ticket(4), 1, 6);
    during(story.grant("e", "6").told_ticket(3), 6, 30);
    during(story.grant("bare", "8"), 100, 101);
    during(story.grant("f", "7").told_ticket(1), 7, 30);
    for (const char* user : {"c", "d", "d2", "e", "bare", "f"}) story.row(user);
    const Finding finding = check_claim_order(story);
    CHECK(figures(finding) == figures_of(0, 0, 0, 0, 1));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"f holds ticket 1, and began (attempt 5) after d2 had been told "
                                   "ticket 4 (attempt 2)"});
}

TEST_CASE("of several tickets told in one instant, the highest is the one overtaken") {
    EvidenceBuilder story = storm(9);
    story.raw().campaign.ordered_tickets = true;
    during(story.grant("a", "1").row("a").told_ticket(4), 1, 5);
    during(story.grant("b", "2").row("b").told_ticket(5), 1, 5);
    during(story.grant("c", "3").row("c").told_ticket(1), 6, 7);
    CHECK(
        sentences(check_claim_order(story)) ==
        std::vector<std::string>{
            "c holds ticket 1, and began (attempt 2) after b had been told ticket 5 (attempt 1)"});
}

TEST_CASE("both kinds of disorder are told together") {
    EvidenceBuilder story = sold_out_at_5();
    story.raw().campaign.ordered_tickets = true;
    story.raw().history.attempts.update(0, [](Attempt& a) { a.ticket = 3; });
    during(story.grant("y", "9").row("y", "9").told_ticket(2), 6, 7);
    const Finding finding = check_claim_order(story);
    CHECK(finding.summary ==
          "1 claim served in attempts that began after the first sold_out; 1 claim with a ticket "
          "smaller than one told before they began");
    CHECK(finding.witness_count == 2);
    CHECK(figures(finding) == figures_of(1, 1, 0, 0, 1));
}

TEST_CASE("what is not known of the claims leaves a disorder open") {
    EvidenceBuilder story = sold_out_at_5();
    during(story.grant("y", "9").row("y", "9"), 6, 7);

    EvidenceBuilder cut = story;
    const Finding open = check_claim_order(cut.history_cut("3 chunks missing"));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(says(open, "; but the history is cut: 3 chunks missing"));

    EvidenceBuilder unread = story;
    const Finding maybe_old = check_claim_order(unread.baseline_unreadable("gone away"));
    CHECK(maybe_old.verdict == Verdict::inconclusive);
    CHECK(says(maybe_old, "; the rows before the storm are not known, so grants may be replays"));

    EvidenceBuilder no_rows = story;
    const Finding possible = check_claim_order(no_rows.no_claims_query());
    CHECK(possible.verdict == Verdict::violated);
    CHECK(possible.strength == Strength::possible);
    CHECK(possible.witness_count == 1);

    const Finding nothing = check_claim_order(sold_out_at_5().history_cut("3 chunks missing"));
    CHECK(nothing.verdict == Verdict::inconclusive);
    CHECK(says(nothing, "but the history is cut"));
    CHECK(check_claim_order(storm(3)).verdict == Verdict::skipped);
    EvidenceBuilder audited = storm(3);
    audited.raw().history.origin = HistoryOrigin::none;
    CHECK(check_claim_order(audited).summary ==
          "there is no history: the stores were audited alone");
    CHECK(check_claim_order(storm(3).history_cut("all")).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
