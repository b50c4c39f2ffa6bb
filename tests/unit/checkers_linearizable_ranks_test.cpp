// linearizable where tickets are promised to be ordered and gap-free: ticket n is the n-th claim.
#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"
#include "tests/support/linearizable_story.h"

namespace claimstorm::test {

TEST_CASE("a rank that was told to nobody may be that of an attempt that failed in time") {
    EvidenceBuilder story = ranked(2);
    during(story.grant("a", "1").told_ticket(2), 1, 3);
    SECTION("of another user") {
        during(story.attempt("b", Outcome::rejected), 3, 4);
        const Finding excused = check_linearizable(story);
        CHECK(excused.verdict == Verdict::holds);
        CHECK(says(excused, "but only if units were given back, as 1 failed attempt may have"));
        story.change_last([](Attempt& a) { a.sent_ns = 3001; });
        const Finding late = check_linearizable(story);
        CHECK(late.verdict == Verdict::violated);
        CHECK(late.summary == "ticket 1 can be nobody's");
    }
    SECTION("of the same user, who has a claim to keep, only if it was given back") {
        during(story.lose_reply("a"), 3, 0);
        const Finding excused = check_linearizable(story);
        CHECK(excused.verdict == Verdict::holds);
        CHECK(says(excused, "but only if units were given back, as 1 failed attempt may have"));
    }
}

TEST_CASE("tickets that are ranks must be those of one order") {
    EvidenceBuilder story = ranked(9);
    during(story.grant("a", "1").told_ticket(2), 1, 3);
    during(story.grant("b", "2").told_ticket(1), 3, 5);
    CHECK(check_linearizable(story).verdict == Verdict::holds);

    SECTION("a higher one told before the lower one's claim began") {
        story.raw().history.attempts.update(1, [](Attempt& a) { a.sent_ns = 3001; });
        const Finding finding = check_linearizable(story);
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.summary == "1 ticket out of the order of the claims");
        CHECK(sentences(finding)[0] ==
              "b (attempt 1) holds a ticket below that of a (attempt 0), and began later");
        story.raw().campaign.gap_free_tickets = false;
        CHECK(check_linearizable(story).verdict == Verdict::holds);
        story.raw().campaign.gap_free_tickets = true;
        story.raw().campaign.ordered_tickets = false;
        CHECK(check_linearizable(story).verdict == Verdict::holds);
    }
    SECTION("a second click answered first dates the claim") {
        during(story.refuse("a", Outcome::already_claimed), 1, 2);
        const Finding finding = check_linearizable(story);
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{1, 2});
    }
    SECTION("one told to two users, or beyond the stock") {
        during(story.grant("c", "3").told_ticket(2), 1, 3);
        during(story.grant("d", "4").told_ticket(10), 1, 3);
        during(story.grant("e", "5").told_ticket(0), 1, 3);
        const Finding finding = check_linearizable(story);
        CHECK(finding.summary == "3 tickets beyond the stock, or told to two users");
        CHECK(sentences(finding) ==
              std::vector<std::string>{"d (attempt 3) holds ticket 10, which is beyond the stock",
                                       "c (attempt 2) holds ticket 2, and so does a (attempt 0)",
                                       "e (attempt 4) holds ticket 0, which is beyond the stock"});
    }
    SECTION("one beyond the stock is that of the answer that told it") {
        during(story.grant("d", "4").told_ticket(10), 1, 5);
        during(story.refuse("d", Outcome::already_claimed), 1, 4);
        CHECK(sentences(check_linearizable(story)) ==
              std::vector<std::string>{"d (attempt 2) holds ticket 10, which is beyond the stock"});
    }
    SECTION("one that nobody can hold") {
        during(story.grant("c", "3").told_ticket(5), 1, 8);
        during(story.lose_reply("i").row("i", "7"), 8, 0);
        during(story.lose_reply("j").row("j", "8"), 9, 0);
        const Finding finding = check_linearizable(story);
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.summary == "ticket 4 can be nobody's");
        CHECK(figures(finding) == figures_of(9, 3, 0, 1));
        CHECK(finding.witnesses[0].key == "ticket");
        CHECK(finding.witness_count == 1);
        CHECK(sentences(finding)[0] ==
              "ticket 4 was told to nobody, and no unanswered attempt began early enough to hold "
              "it");
        story.change_last([&](Attempt& a) { a.sent_ns = 8000; });
        CHECK(check_linearizable(story).verdict == Verdict::holds);
    }
    SECTION("the highest one, where it is on the stock's end") {
        during(story.grant("c", "3").told_ticket(9), 1, 8);
        CHECK(check_linearizable(story).summary == "ticket 8 can be nobody's");
    }
}

TEST_CASE("ranks are not judged where older claims or grants without a ticket hold some") {
    EvidenceBuilder story = ranked(9);
    during(story.grant("a", "1").told_ticket(2), 1, 3);
    during(story.grant("b", "2").told_ticket(1), 4, 5);
    CHECK(check_linearizable(story).verdict == Verdict::violated);
    EvidenceBuilder bare = story;
    CHECK(check_linearizable(bare.grant("c", "3")).verdict == Verdict::holds);
    CHECK(check_linearizable(story.old_row("o", "9")).verdict == Verdict::holds);
}

}  // namespace claimstorm::test
