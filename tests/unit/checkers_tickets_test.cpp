#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// Tickets 1, 2, 3 of 5, told and stored.
EvidenceBuilder numbered() {
    auto story = storm(5);
    for (int i = 1; i <= 3; ++i) {
        const std::string id = std::to_string(i);
        story.grant("u" + id, id).told_ticket(i).row("u" + id, id).ticket(i);
    }
    return story;
}

EvidenceBuilder gap_free(EvidenceBuilder story) {
    story.raw().campaign.gap_free_tickets = true;
    return story;
}

Figures figures_of(std::int64_t tickets, std::int64_t duplicates, std::int64_t outside,
                   std::int64_t missing) {
    return {{"stock", 5},
            {"tickets", tickets},
            {"duplicates", duplicates},
            {"outside", outside},
            {"missing", missing}};
}

}  // namespace

TEST_CASE("rows that spell the users otherwise accuse nobody of holding an answer's ticket") {
    auto story = storm(5);
    for (int i = 1; i <= 3; ++i) {
        const std::string id = std::to_string(i);
        story.grant("u" + id, id).told_ticket(i).row("U" + id, id).ticket(i);
    }
    const Finding open = check_tickets(gap_free(story));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(says(open, "the column user says 'U1', the storm says 'u3'"));
    CHECK(figures(open) == figures_of(3, 0, 0, 0));
    // What rows or answers show by themselves is wrong however they are spelled.
    CHECK(check_tickets(EvidenceBuilder(story).row("U4", "4").ticket(3)).verdict ==
          Verdict::violated);
    CHECK(check_tickets(EvidenceBuilder(story).grant("u4", "4").told_ticket(3)).verdict ==
          Verdict::violated);
    CHECK(check_tickets(EvidenceBuilder(story).row("U4", "4").ticket(6)).verdict ==
          Verdict::violated);
    const Finding missing =
        check_tickets(gap_free(EvidenceBuilder(story).row("U5", "5").ticket(5)));
    CHECK(missing.verdict == Verdict::violated);
    CHECK(figures(missing) == figures_of(4, 0, 0, 1));
    // Answers without a number leave nothing open.
    auto untold = storm(5);
    for (int i = 1; i <= 3; ++i) {
        const std::string id = std::to_string(i);
        untold.grant("u" + id, id).row("U" + id, id).ticket(i);
    }
    CHECK(check_tickets(gap_free(untold)).verdict == Verdict::holds);
    // One row of a user of the storm, and they are spelled alike.
    CHECK(check_tickets(EvidenceBuilder(story).row("u1", "7").ticket(5)).verdict ==
          Verdict::violated);
}

TEST_CASE("distinct tickets within the stock are right, told and stored are one") {
    const Finding finding = check_tickets(gap_free(numbered()));
    CHECK(finding.check == "tickets");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "3 tickets, the highest 3");
    CHECK(figures(finding) == figures_of(3, 0, 0, 0));
    CHECK(finding.witness_count == 0);
    CHECK(check_tickets(numbered().grant("u3", "3").told_ticket(3)).verdict == Verdict::holds);
}

TEST_CASE("a ticket in two rows is a duplicate") {
    const Finding finding = check_tickets(numbered().row("x", "9").ticket(3));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "3 tickets, the highest 3: 1 held more than once");
    CHECK(figures(finding) == figures_of(3, 1, 0, 0));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"ticket 3 is held by u3 (claim 3, stored) and x (claim 9, "
                                   "stored) and u3 (claim 3, attempt 2)"});
    CHECK(finding.witnesses[0].user == "u3");
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{2});
    CHECK(check_tickets(numbered().row("u3", "9").ticket(3)).verdict == Verdict::violated);
    // Three holders are named, further ones are counted.
    const Finding many = check_tickets(numbered().row("x").ticket(3).row("y").ticket(3));
    CHECK(sentences(many) ==
          std::vector<std::string>{"ticket 3 is held by u3 (claim 3, stored) and x (stored) and y "
                                   "(stored) and 1 more"});
}

TEST_CASE("a ticket told for two claims, or to another than who holds it, is a duplicate") {
    const Finding told =
        check_tickets(storm(5).grant("a", "1").told_ticket(4).grant("b", "2").told_ticket(4));
    CHECK(told.verdict == Verdict::violated);
    CHECK(figures(told) == figures_of(1, 1, 0, 0));
    CHECK(check_tickets(
              storm(5).per_user(2).grant("a", "1").told_ticket(4).grant("a", "2").told_ticket(4))
              .verdict == Verdict::violated);
    const Finding other =
        check_tickets(storm(5).grant("a", "1").told_ticket(4).row("b", "2").ticket(4));
    CHECK(other.verdict == Verdict::violated);
    CHECK(sentences(other) == std::vector<std::string>{
                                  "ticket 4 is held by b (claim 2, stored) and a (claim 1, attempt "
                                  "0)"});
    // Answers without an id may be replays.
    CHECK(check_tickets(storm(5).grant("a").told_ticket(4).grant("a").told_ticket(4)).verdict ==
          Verdict::holds);
}

TEST_CASE("a ticket below one or above the stock is outside") {
    CHECK(check_tickets(storm(5).row("a", "1").ticket(5).row("b", "2").ticket(1)).verdict ==
          Verdict::holds);
    const Finding high = check_tickets(numbered().row("x", "9").ticket(6));
    CHECK(high.verdict == Verdict::violated);
    CHECK(high.strength == Strength::definite);
    CHECK(high.summary == "4 tickets, the highest 3: 1 outside 1 to 5");
    CHECK(figures(high) == figures_of(4, 0, 1, 0));
    CHECK(sentences(high) == std::vector<std::string>{
                                 "ticket 6 is not one of 1 to 5, yet held by x (claim 9, stored)"});
    const Finding low = check_tickets(numbered().row("x", "9").ticket(0));
    CHECK(figures(low) == figures_of(4, 0, 1, 0));
    CHECK(low.verdict == Verdict::violated);
}

TEST_CASE("a number left out counts where the campaign promises none, and only there") {
    auto story = storm(5).row("a", "1").ticket(2).row("b", "2").ticket(5);
    CHECK(check_tickets(story).verdict == Verdict::holds);
    CHECK(figures(check_tickets(story)) == figures_of(2, 0, 0, 0));
    const Finding finding = check_tickets(gap_free(story));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "2 tickets, the highest 5: 3 missing");
    CHECK(figures(finding) == figures_of(2, 0, 0, 3));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"nobody holds ticket 1", "nobody holds the tickets 3 to 4"});
    CHECK(finding.witnesses[0].key == "ticket");
    CHECK(sentences(check_tickets(gap_free(numbered().row("x", "9").ticket(5)))) ==
          std::vector<std::string>{"nobody holds ticket 4"});
    // What a client was told is held, too; numbers outside the stock leave no gap.
    CHECK(check_tickets(gap_free(storm(5).row("a", "1").ticket(2).grant("b", "2").told_ticket(1)))
              .verdict == Verdict::holds);
    CHECK(figures(check_tickets(gap_free(storm(5).row("a", "1").ticket(1).row("b").ticket(9)))) ==
          figures_of(2, 0, 1, 0));
    CHECK(figures(check_tickets(gap_free(storm(5).row("a", "1").ticket(-4).row("b").ticket(2)))) ==
          figures_of(2, 0, 1, 1));
}

TEST_CASE("a missing number may be a queued claim's, as many as are queued") {
    const auto story = [] { return gap_free(storm(5).row("a", "1").ticket(3)); };
    CHECK(check_tickets(story().backlog(1)).verdict == Verdict::violated);
    const Finding open = check_tickets(story().backlog(2));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(says(open, "2 missing; but 2 claims still queued"));
    CHECK(check_tickets(story().row("b", "2").ticket(3).backlog(2)).verdict == Verdict::violated);
    auto unread = story();
    unread.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_tickets(unread).verdict == Verdict::inconclusive);
    CHECK(says(check_tickets(unread), "the backlog could not be read: WRONGTYPE"));
}

TEST_CASE("a missing number may be that of a row without one, as many as there are") {
    const auto story = [] { return gap_free(storm(5).row("a", "1").ticket(3).row("b", "2")); };
    CHECK(check_tickets(story()).verdict == Verdict::violated);
    CHECK(check_tickets(story()).strength == Strength::definite);
    const Finding open = check_tickets(story().row("c", "3"));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary == "1 ticket, the highest 3: 2 missing; but 2 rows without a ticket");
    CHECK(figures(open) == figures_of(1, 0, 0, 2));
    const Finding both = check_tickets(story().backlog(1));
    CHECK(both.verdict == Verdict::inconclusive);
    CHECK(says(both, "2 missing; but 1 row without a ticket and 1 claim still queued"));
    CHECK(check_tickets(story().row("c", "3").row("d", "4").ticket(3)).verdict ==
          Verdict::violated);
}

TEST_CASE("by the answers alone a missing number is possible, a duplicate definite") {
    const auto told = [] {
        return gap_free(storm(5).no_claims_query().grant("a", "1").told_ticket(2));
    };
    const Finding missing = check_tickets(told());
    CHECK(missing.verdict == Verdict::violated);
    CHECK(missing.strength == Strength::possible);
    CHECK(says(missing, "1 missing, by the answers alone"));
    const Finding twice = check_tickets(told().grant("b", "2").told_ticket(2));
    CHECK(twice.strength == Strength::definite);
    CHECK(twice.verdict == Verdict::violated);
    const Finding whole = check_tickets(told().grant("b", "2").told_ticket(1));
    CHECK(whole.verdict == Verdict::holds);
    CHECK(whole.summary == "2 tickets, the highest 2, by the answers alone");
    const Finding cut = check_tickets(told().history_cut("tail"));
    CHECK(cut.verdict == Verdict::inconclusive);
    CHECK(says(cut, "1 missing; but the history is cut: tail"));
    const Finding moving =
        check_tickets(gap_free(storm(5).grant("a", "1").told_ticket(2)).unsettled("busy"));
    CHECK(moving.verdict == Verdict::inconclusive);
    CHECK(says(moving, "1 missing; but the stores had not settled: busy"));
}

TEST_CASE("tickets are skipped where nothing carries one") {
    CHECK(check_tickets(storm(5).sold(2)).verdict == Verdict::skipped);
    CHECK(check_tickets(storm(5).sold(2)).summary == "neither rows nor answers carry a ticket");
    CHECK(check_tickets(gap_free(storm(5).sold(2))).verdict == Verdict::skipped);
    CHECK(check_tickets(gap_free(storm(5).no_claims_query())).verdict == Verdict::skipped);
    CHECK(check_tickets(storm(5).claims_unreadable("gone")).verdict == Verdict::skipped);
    CHECK(check_tickets(gap_free(storm(5).claims_unreadable("gone"))).verdict ==
          Verdict::inconclusive);
}

TEST_CASE(
    "tickets are inconclusive on unread or unsettled rows or a cut history, if none is twice") {
    CHECK(check_tickets(numbered().unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_tickets(numbered().claims_unreadable("gone")).verdict == Verdict::inconclusive);
    CHECK(check_tickets(numbered().history_cut("tail")).verdict == Verdict::inconclusive);
    CHECK(check_tickets(gap_free(storm(5).grant("a").told_ticket(2)).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    CHECK(check_tickets(numbered().grant("x", "9").told_ticket(3).unsettled("busy")).verdict ==
          Verdict::violated);
    CHECK(check_tickets(gap_free(storm(5).row("a", "1").ticket(2)).history_cut("tail")).verdict ==
          Verdict::violated);
}

TEST_CASE("an audit without a storm judges the tickets of the rows") {
    CHECK(check_tickets(storm(5).row("a", "1").ticket(1)).verdict == Verdict::holds);
    CHECK(check_tickets(storm(5).row("a", "1").ticket(1).row("b", "2").ticket(1)).verdict ==
          Verdict::violated);
}

TEST_CASE("rows without a ticket beside rows with one are said, whatever is found") {
    CHECK(check_tickets(numbered().row("x", "9")).summary ==
          "3 tickets, the highest 3; 1 of 4 rows has no ticket");
    CHECK(check_tickets(numbered().row("x", "9").row("y", "10")).summary ==
          "3 tickets, the highest 3; 2 of 5 rows have no ticket");
    CHECK(check_tickets(numbered().row("x", "9").row("y", "10").ticket(3)).summary ==
          "3 tickets, the highest 3: 1 held more than once; 1 of 5 rows has no ticket");
    // Where no row has one, the answers are judged, and no row lacks anything.
    CHECK(check_tickets(storm(5).grant("a", "1").told_ticket(1).row("a", "1")).summary ==
          "1 ticket, the highest 1, by the answers alone");
}

}  // namespace claimstorm::test
