#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("a mark is right when it stands exactly while nothing is left") {
    const Finding gone = check_sold_out_flag(storm(3).sold(3).sold_out(true));
    CHECK(gone.check == "sold_out_flag");
    CHECK(gone.verdict == Verdict::holds);
    CHECK(gone.summary == "3 rows for a stock of 3, marked sold out");
    CHECK(figures(gone) == Figures{{"stock", 3}, {"rows", 3}, {"left", 0}, {"sold_out", 1}});
    CHECK(gone.witness_count == 0);

    const Finding on_sale = check_sold_out_flag(storm(3).sold(2).sold_out(false));
    CHECK(on_sale.verdict == Verdict::holds);
    CHECK(on_sale.summary == "2 rows for a stock of 3, not marked sold out");
    CHECK(figures(on_sale) == Figures{{"stock", 3}, {"rows", 2}, {"left", 1}, {"sold_out", 0}});
}

TEST_CASE("a mark set while units are left keeps them from being claimed") {
    const Finding finding = check_sold_out_flag(storm(3).sold(2).sold_out(true));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary ==
          "2 rows for a stock of 3, marked sold out: 1 unit cannot be claimed although free");
    CHECK(figures(finding) == Figures{{"stock", 3}, {"rows", 2}, {"left", 1}, {"sold_out", 1}});
    CHECK(sentences(finding) ==
          std::vector<std::string>{"mysql.stock.sold_out is 1 and should be 0"});
    CHECK(finding.witnesses[0].key == "mysql.stock.sold_out");
}

TEST_CASE("a mark that is missing although nothing is left is wrong, also when oversold") {
    const Finding finding = check_sold_out_flag(storm(3).sold(3).sold_out(false));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(says(finding, "not marked sold out: nothing is left, and the status says it is"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"mysql.stock.sold_out is 0 and should be 1"});
    CHECK(check_sold_out_flag(storm(3).sold(4).sold_out(false)).verdict == Verdict::violated);
    CHECK(check_sold_out_flag(storm(3).sold(4).sold_out(true)).verdict == Verdict::holds);
}

TEST_CASE("queued claims count as sold, but the last of them may yet set the mark") {
    const Finding early = check_sold_out_flag(storm(5).sold(3).backlog(2).sold_out(true));
    CHECK(early.verdict == Verdict::holds);
    CHECK(early.summary == "3 rows and 2 queued for a stock of 5, marked sold out");
    CHECK(figures(early) ==
          Figures{{"stock", 5}, {"rows", 3}, {"left", 0}, {"sold_out", 1}, {"backlog", 2}});
    CHECK(check_sold_out_flag(storm(5).sold(3).backlog(1).sold_out(true)).verdict ==
          Verdict::violated);
    const Finding late = check_sold_out_flag(storm(5).sold(3).backlog(2).sold_out(false));
    CHECK(late.verdict == Verdict::inconclusive);
    CHECK(says(late, "the last queued claim may yet set the mark"));
    CHECK(check_sold_out_flag(storm(5).sold(3).backlog(1).sold_out(false)).verdict ==
          Verdict::holds);
    CHECK(check_sold_out_flag(storm(5).sold(5).backlog(2).sold_out(false)).verdict ==
          Verdict::violated);
}

TEST_CASE("a mark that was as wrong before the storm is said to be old") {
    auto early = storm(3).old_row("a", "1").sold_out(true);
    CHECK_FALSE(says(check_sold_out_flag(early), "before the storm"));
    early.raw().before.sold_out = true;
    CHECK(says(check_sold_out_flag(early), "; it was so before the storm"));
    early.raw().before.sold_out = false;
    CHECK_FALSE(says(check_sold_out_flag(early), "before the storm"));
    auto missing = storm(1).sold(1).sold_out(false);
    missing.raw().before.sold_out = false;
    CHECK_FALSE(says(check_sold_out_flag(missing), "before the storm"));
    auto old = storm(1).old_row("a", "1").sold_out(false);
    old.raw().before.sold_out = false;
    CHECK(says(check_sold_out_flag(old), "; it was so before the storm"));
}

TEST_CASE(
    "sold_out_flag is skipped without a mark or rows, inconclusive when unread or unsettled") {
    CHECK(check_sold_out_flag(storm(1)).summary == "the target names no sold_out column");
    CHECK(check_sold_out_flag(storm(1)).verdict == Verdict::skipped);
    CHECK(check_sold_out_flag(storm(1).sold_out(true).no_claims_query()).verdict ==
          Verdict::skipped);
    CHECK(check_sold_out_flag(storm(1).sold_out(true).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    CHECK(check_sold_out_flag(storm(1).sold_out(true).claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    auto queue = storm(1).sold_out(true);
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_sold_out_flag(queue).verdict == Verdict::inconclusive);
    CHECK(check_sold_out_flag(queue).summary == "the backlog could not be read: WRONGTYPE");
    auto mark = storm(1);
    mark.raw().after.sold_out = Unreadable{"NULL"};
    CHECK(check_sold_out_flag(mark).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
