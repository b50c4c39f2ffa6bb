#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

Figures figures_of(std::int64_t rows, std::int64_t left, std::int64_t answers, std::int64_t users,
                   std::int64_t released) {
    return {{"stock", 3},     {"rows", rows},
            {"left", left},   {"sold_out_answers", answers},
            {"users", users}, {"may_be_released", released}};
}

}  // namespace

TEST_CASE("sold out is true once all stock went, and false while a unit is left") {
    const Finding gone = check_false_sold_out(storm(3).sold(3).refuse("x"));
    CHECK(gone.check == "false_sold_out");
    CHECK(gone.verdict == Verdict::holds);
    CHECK(gone.summary == "1 user told sold_out; 3 rows for a stock of 3");
    CHECK(figures(gone) == figures_of(3, 0, 1, 1, 0));

    const Finding wrong =
        check_false_sold_out(storm(3).sold(2).refuse("x").refuse("x").refuse("y"));
    CHECK(wrong.verdict == Verdict::violated);
    CHECK(wrong.strength == Strength::definite);
    CHECK(wrong.summary == "2 users told sold_out; 2 rows for a stock of 3: 1 left");
    CHECK(figures(wrong) == figures_of(2, 1, 3, 2, 0));
    CHECK(wrong.witness_count == 3);
    CHECK(sentences(wrong).front() == "x was told sold_out (attempt 2), and 1 is left");
}

TEST_CASE("stock that is left while nobody was told sold out is no lie") {
    const Finding finding = check_false_sold_out(
        storm(3).sold(2).refuse("x", Outcome::throttled).refuse("u0", Outcome::already_claimed));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "nobody was told sold_out");
    CHECK(figures(finding) == figures_of(2, 1, 0, 0, 0));
}

TEST_CASE("queued claims and rows from before count as sold") {
    CHECK(check_false_sold_out(storm(3).sold(2).backlog(1).refuse("x")).verdict == Verdict::holds);
    const Finding one = check_false_sold_out(storm(4).sold(2).backlog(1).refuse("x"));
    CHECK(one.verdict == Verdict::violated);
    CHECK(says(one, "2 rows and 1 queued for a stock of 4: 1 left"));
    CHECK(figures(one).at("backlog") == 1);
    CHECK(check_false_sold_out(storm(3).old_row("a", "7").sold(2).refuse("x")).verdict ==
          Verdict::holds);
}

TEST_CASE("the witnesses are the answers that came first") {
    auto story = storm(9).refuse("late").refuse("early");
    story.raw().history.attempts.update(0, [](Attempt& a) { a.done_ns = 9000; });
    CHECK(sentences(check_false_sold_out(story)) ==
          std::vector<std::string>{"early was told sold_out (attempt 1), and 9 are left",
                                   "late was told sold_out (attempt 0), and 9 are left"});
    CHECK(check_false_sold_out(story).witnesses[0].attempts == std::vector<std::uint64_t>{1});
}

TEST_CASE("false answers are kept as witnesses up to the limit and counted beyond it") {
    auto story = storm(3);
    for (int i = 0; i < 250; ++i) story.refuse("u" + std::to_string(i));
    const Finding finding = check_false_sold_out(story);
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 250);
}

TEST_CASE("attempts that failed may have held what is left, as many as there are") {
    for (const Outcome failed :
         {Outcome::throttled, Outcome::rejected, Outcome::unknown, Outcome::pending}) {
        auto story = storm(3).sold(1).refuse("x").attempt("y", failed);
        const Finding one = check_false_sold_out(story);
        INFO(to_string(failed));
        CHECK(one.verdict == Verdict::violated);
        CHECK(one.strength == Strength::definite);
        CHECK(figures(one) == figures_of(1, 2, 1, 1, 1));
        const Finding two = check_false_sold_out(story.attempt("z", failed));
        CHECK(two.verdict == Verdict::violated);
        CHECK(two.strength == Strength::possible);
        CHECK(says(two, ": 2 left; 2 may have been held at the time and come back"));
        CHECK(figures(two) == figures_of(1, 2, 1, 1, 2));
    }
    for (const Outcome idle : {Outcome::already_claimed, Outcome::not_sent, Outcome::sold_out}) {
        INFO(to_string(idle));
        CHECK(check_false_sold_out(storm(1).refuse("x").attempt("y", idle)).strength ==
              Strength::definite);
    }
}

TEST_CASE("rows that vanished and grants without a row may have come back as well") {
    const Finding deleted =
        check_false_sold_out(storm(3).deleted_row("a", "7").sold(2).refuse("x"));
    CHECK(deleted.strength == Strength::possible);
    CHECK(figures(deleted) == figures_of(2, 1, 1, 1, 1));
    const Finding lost = check_false_sold_out(storm(3).sold(2).grant("y", "9").refuse("x"));
    CHECK(lost.strength == Strength::possible);
    CHECK(figures(lost) == figures_of(2, 1, 1, 1, 1));
    CHECK(check_false_sold_out(storm(3).old_row("a", "7").sold(1).refuse("x")).strength ==
          Strength::definite);
}

TEST_CASE("a cut history hides answers, and makes those it has merely possible") {
    const Finding none = check_false_sold_out(storm(3).sold(2).history_cut("tail"));
    CHECK(none.verdict == Verdict::inconclusive);
    CHECK(none.summary == "nobody was told sold_out; but the history is cut: tail");
    const Finding some = check_false_sold_out(storm(3).sold(2).refuse("x").history_cut("tail"));
    CHECK(some.verdict == Verdict::violated);
    CHECK(some.strength == Strength::possible);
    CHECK(says(some, "but the history is cut: tail"));
    CHECK(check_false_sold_out(storm(3).sold(3).refuse("x").history_cut("tail")).verdict ==
          Verdict::holds);
}

TEST_CASE(
    "false_sold_out is skipped without storm or rows, inconclusive when unread or unsettled") {
    CHECK(check_false_sold_out(storm(1)).summary == "no attempt was recorded");
    CHECK(check_false_sold_out(storm(1)).verdict == Verdict::skipped);
    CHECK(check_false_sold_out(storm(1).refuse("x").no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_false_sold_out(storm(1).refuse("x").unsettled("busy")).verdict ==
          Verdict::inconclusive);
    CHECK(check_false_sold_out(storm(1).refuse("x").claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    auto queue = storm(1).refuse("x");
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_false_sold_out(queue).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
