#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// Four claims of 10, 20, 30 and 40 cents; all but the fourth paid to their users.
EvidenceBuilder three_paid() {
    auto story = storm(9);
    for (int i = 1; i <= 4; ++i) {
        const std::string id = std::to_string(i);
        story.row("u" + id, id).cents(std::int64_t{10} * i);
        if (i < 4) story.payout(id, std::int64_t{10} * i, "u" + id);
    }
    return story;
}

EvidenceBuilder all_paid() {
    return three_paid().payout("4", 40, "u4");
}

Figures figures_of(std::int64_t payouts, std::int64_t paid, const Figures& wrong = {}) {
    Figures all = {{"rows", 4},       {"payouts", payouts}, {"unpaid", 0},
                   {"paid_again", 0}, {"without_row", 0},   {"wrong_amount", 0},
                   {"wrong_user", 0}, {"paid_cents", paid}, {"difference_cents", 0}};
    for (const auto& [name, value] : wrong) all[name] = value;
    return all;
}

}  // namespace

TEST_CASE("one payout a row, of its amount and to its user, is right") {
    const Finding finding = check_payouts(all_paid());
    CHECK(finding.check == "payouts");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "4 payouts for 4 rows");
    CHECK(figures(finding) == figures_of(4, 100));
    CHECK(finding.witness_count == 0);
    CHECK(check_payouts(storm(1).payout("1", 1).row("a", "1")).verdict == Verdict::holds);
}

TEST_CASE("a row without a payout is unpaid") {
    const Finding finding = check_payouts(three_paid());
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "3 payouts for 4 rows: 1 unpaid; 60 cents paid for 100 cents claimed");
    CHECK(figures(finding) == figures_of(3, 60, {{"unpaid", 1}, {"difference_cents", -40}}));
    CHECK(sentences(finding) == std::vector<std::string>{"claim 4 of u4 was never paid"});
    CHECK(finding.witnesses[0].user == "u4");
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"4"});
}

TEST_CASE("each way in which a payout can be wrong is counted by itself") {
    const Finding again = check_payouts(all_paid().payout("4", 40, "u4").payout("4", 40, "u4"));
    CHECK(again.verdict == Verdict::violated);
    CHECK(again.summary ==
          "6 payouts for 4 rows: 2 paid again; 180 cents paid for 100 cents claimed");
    CHECK(figures(again) == figures_of(6, 180, {{"paid_again", 2}, {"difference_cents", 80}}));
    CHECK(sentences(again) == std::vector<std::string>{"claim 4 of u4 was paid 3 times"});

    const Finding stranger = check_payouts(all_paid().payout("77", 5, "u4"));
    CHECK(stranger.verdict == Verdict::violated);
    CHECK(stranger.summary ==
          "5 payouts for 4 rows: 1 without a row; 105 cents paid for 100 cents claimed");
    CHECK(figures(stranger) == figures_of(5, 105, {{"without_row", 1}, {"difference_cents", 5}}));
    CHECK(sentences(stranger) ==
          std::vector<std::string>{"a payout of 5 cents names claim 77, which has no row"});
    const Finding nameless = check_payouts(all_paid().payout("", 0));
    CHECK(nameless.verdict == Verdict::violated);
    CHECK(nameless.witnesses[0].claim_ids.empty());
    CHECK(nameless.summary == "5 payouts for 4 rows: 1 without a row");
    CHECK(figures(nameless) == figures_of(5, 100, {{"without_row", 1}}));
    CHECK(sentences(nameless) == std::vector<std::string>{"a payout of 0 cents names no claim"});

    const Finding amount = check_payouts(three_paid().payout("4", 41, "u4"));
    CHECK(amount.verdict == Verdict::violated);
    CHECK(amount.summary ==
          "4 payouts for 4 rows: 1 of a wrong amount; 101 cents paid for 100 cents claimed");
    CHECK(figures(amount) == figures_of(4, 101, {{"wrong_amount", 1}, {"difference_cents", 1}}));
    CHECK(sentences(amount) ==
          std::vector<std::string>{"claim 4 of u4 is over 40 cents and was paid 41"});

    const Finding user = check_payouts(three_paid().payout("4", 40, "u1"));
    CHECK(user.verdict == Verdict::violated);
    CHECK(figures(user) == figures_of(4, 100, {{"wrong_user", 1}}));
    CHECK(sentences(user) == std::vector<std::string>{"claim 4 belongs to u4 and was paid to u1"});
    CHECK(user.summary == "4 payouts for 4 rows: 1 to a wrong user");
}

TEST_CASE("one wrong payout does not make up for another, nor does the queue for both") {
    // Claim 4 is unpaid each time; where a row lacks its amount, no sum tells of it.
    const auto and_also = [](const char* id) {
        auto story = storm(9).row("u1", "1").row("u2", "2").row("u4", "4");
        story.payout("1", 10, "u1").payout("2", 20, "u2").payout(id, 20, "u2");
        return check_payouts(story.backlog(1));
    };
    CHECK(and_also("2").summary == "3 payouts for 3 rows: 1 unpaid; 1 paid again");
    CHECK(and_also("2").verdict == Verdict::violated);
    CHECK(and_also("77").summary == "3 payouts for 3 rows: 1 unpaid; 1 without a row");
    CHECK(and_also("77").verdict == Verdict::violated);

    auto amount = storm(9).row("u1", "1").cents(10).row("u4", "4").payout("1", 11, "u1");
    CHECK(check_payouts(amount.backlog(1)).summary ==
          "1 payout for 2 rows: 1 unpaid; 1 of a wrong amount");
    CHECK(check_payouts(amount).verdict == Verdict::violated);
    auto user = storm(9).row("u1", "1").row("u4", "4").payout("1", 10, "u4").backlog(1);
    CHECK(check_payouts(user).summary == "1 payout for 2 rows: 1 unpaid; 1 to a wrong user");
    CHECK(check_payouts(user).verdict == Verdict::violated);
}

TEST_CASE("two wrong amounts that cancel out are wrong still") {
    auto story = all_paid();
    story.raw().after.payouts.value().rows[0].amount_cents = 11;
    story.raw().after.payouts.value().rows[1].amount_cents = 19;
    const Finding finding = check_payouts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) == figures_of(4, 100, {{"wrong_amount", 2}}));
}

TEST_CASE("rows that share a claim id are judged by number and by sum alone") {
    auto story = storm(9).row("a", "7").cents(5).row("b", "7").cents(6);
    CHECK(check_payouts(story.payout("7", 6)).verdict == Verdict::violated);
    CHECK(figures(check_payouts(story)).at("unpaid") == 1);
    CHECK(check_payouts(story.payout("7", 5)).verdict == Verdict::holds);
    story.raw().after.payouts.value().rows[1].amount_cents = 4;
    const Finding finding = check_payouts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary == "2 payouts for 2 rows: 10 cents paid for 11 cents claimed");
    CHECK(figures(finding).at("difference_cents") == -1);
    CHECK(figures(finding).at("wrong_amount") == 0);
    // The claim that comes after them is still its own user's.
    CHECK(sentences(check_payouts(story.row("c", "8"))) ==
          std::vector<std::string>{"claim 8 of c was never paid"});
}

TEST_CASE("rows without amounts are matched by number, and no sum is asked of them") {
    auto story = all_paid();
    ClaimRowList& rows = story.raw().after.ledger.value().rows;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        rows.update(at, [](ClaimRow& row) { row.amount_cents = kNoNumber; });
    }
    CHECK(check_payouts(story).verdict == Verdict::holds);
    CHECK(figures(check_payouts(story)) == figures_of(4, 100));
    auto one = all_paid();
    one.raw().after.ledger.value().rows.update(3, [](ClaimRow& r) { r.amount_cents = kNoNumber; });
    CHECK(check_payouts(one).verdict == Verdict::holds);
}

TEST_CASE("unpaid rows may be queued, as many as there are in the queue") {
    const Finding open = check_payouts(three_paid().backlog(1));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(says(open, "1 unpaid; 60 cents paid for 100 cents claimed; but 1 still queued"));
    CHECK(check_payouts(three_paid().backlog(0)).verdict == Verdict::violated);
    CHECK(check_payouts(three_paid().row("x", "8").backlog(1)).verdict == Verdict::violated);
    CHECK(check_payouts(three_paid().payout("3", 30, "u3").backlog(1)).verdict ==
          Verdict::violated);
    CHECK(check_payouts(all_paid().backlog(1)).verdict == Verdict::holds);
}

TEST_CASE("two queries that name claims differently accuse nobody, and say so") {
    auto story = storm(9).rows(3, "u", 1).payout("p1", 1).payout("p2", 1).payout("p3", 1);
    const Finding finding = check_payouts(story);
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(says(finding, "not one claim id in common: a row says '1', a payout 'p1'"));
    CHECK(check_payouts(story.payout("3", 1)).verdict == Verdict::violated);
    CHECK(check_payouts(storm(9).rows(3, "u", 1).payout("p1", 1).payout("p2", 1)).verdict ==
          Verdict::violated);
    CHECK(check_payouts(storm(9).rows(2, "u", 1).payout("a", 1).payout("b", 1).payout("c", 1))
              .verdict == Verdict::violated);
    const Finding nameless = check_payouts(all_paid().row("x"));
    CHECK(nameless.verdict == Verdict::inconclusive);
    CHECK(nameless.summary == "4 payouts for 5 rows, but 1 row without a claim id to match");
}

TEST_CASE("payouts that spell every user another way are not judged by them") {
    const auto paid_to = [](const char* first, int payouts) {
        auto story = storm(9).rows(payouts, "u", 1);
        for (int i = 1; i <= payouts; ++i) {
            story.payout(std::to_string(i), 1, i == 1 ? first : "account " + std::to_string(i));
        }
        return story;
    };
    CHECK(check_payouts(paid_to("account 1", 3)).verdict == Verdict::holds);
    CHECK(figures(check_payouts(paid_to("u0", 3))).at("wrong_user") == 2);
    CHECK(figures(check_payouts(paid_to("account 1", 2))).at("wrong_user") == 2);
    // Payouts that name nobody, or no claim there is, do not tell how users are spelled.
    auto more = storm(9).rows(3, "u", 1).payout("77", 1, "account 77").payout("3", 1);
    more.payout("1", 1, "account 1").payout("2", 1, "account 2");
    CHECK(figures(check_payouts(more)).at("wrong_user") == 2);
}

TEST_CASE("payouts of rows from before the storm are due as well") {
    CHECK(check_payouts(storm(9).old_row("a", "1").payout("1", 5)).verdict == Verdict::holds);
    auto none = storm(9).old_row("a", "1");
    none.raw().after.payouts = Payouts{};
    CHECK(figures(check_payouts(none)).at("unpaid") == 1);
}

TEST_CASE("witnesses of payouts are kept up to the limit and counted beyond it") {
    auto story = storm(500).rows(300, "u", 1);
    story.raw().after.payouts = Payouts{};
    const Finding finding = check_payouts(story);
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 300);
}

TEST_CASE("payouts are skipped without a query, inconclusive when unread or unsettled") {
    CHECK(check_payouts(storm(1)).verdict == Verdict::skipped);
    CHECK(check_payouts(storm(1)).summary == "the target names no payouts query");
    CHECK(check_payouts(all_paid().no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_payouts(three_paid().unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_payouts(three_paid().claims_unreadable("gone")).verdict == Verdict::inconclusive);
    auto unread = all_paid();
    unread.raw().after.payouts = Unreadable{"no such table"};
    CHECK(check_payouts(unread).verdict == Verdict::inconclusive);
    auto queue = three_paid();
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_payouts(queue).verdict == Verdict::inconclusive);
    CHECK(check_payouts(three_paid().history_cut("tail")).verdict == Verdict::violated);
}

}  // namespace claimstorm::test
