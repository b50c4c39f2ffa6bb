#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("a row is explained by a grant or by an attempt that was never answered") {
    const Finding finding = check_phantom_claims(storm(9)
                                                     .sold(1)
                                                     .lose_reply("lost")
                                                     .row("lost", "2")
                                                     .attempt("polled", Outcome::pending)
                                                     .row("polled", "3")
                                                     .refuse("no"));
    CHECK(finding.check == "phantom_claims");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary ==
          "3 new rows explained by what the clients saw; among them those of 2 users whose answer "
          "was lost");
    CHECK(figures(finding) ==
          Figures{{"rows_added", 3}, {"phantoms", 0}, {"strangers", 0}, {"recovered", 2}});
}

TEST_CASE("a lost reply beside a refusal may still have taken effect") {
    CHECK(check_phantom_claims(storm(9).refuse("a").lose_reply("a").row("a")).verdict ==
          Verdict::holds);
}

TEST_CASE("a user who was granted is not recovered") {
    CHECK(check_phantom_claims(storm(9).sold(2)).summary ==
          "2 new rows explained by what the clients saw");
    const Finding finding = check_phantom_claims(storm(9).grant("a").lose_reply("a").row("a"));
    CHECK(figures(finding).at("recovered") == 0);
}

TEST_CASE("a row for somebody who was refused is a phantom") {
    for (const Outcome told : {Outcome::sold_out, Outcome::already_claimed, Outcome::throttled,
                               Outcome::rejected, Outcome::not_sent}) {
        INFO(to_string(told));
        const Finding finding = check_phantom_claims(storm(9).attempt("a", told).row("a", "4"));
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.strength == Strength::definite);
        CHECK(figures(finding) ==
              Figures{{"rows_added", 1}, {"phantoms", 1}, {"strangers", 0}, {"recovered", 0}});
    }
}

TEST_CASE("a row of somebody the storm never had is a phantom and said to be one") {
    const Finding finding = check_phantom_claims(storm(9).sold(1).row("x", "5").row("x", "6"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) ==
          Figures{{"rows_added", 3}, {"phantoms", 2}, {"strangers", 1}, {"recovered", 0}});
    CHECK(finding.summary ==
          "2 rows for 1 user without a granted or unanswered attempt; 1 took no part in the storm");
}

TEST_CASE("a phantom's witness names the user, the rows and what was told") {
    const Finding finding = check_phantom_claims(storm(9)
                                                     .refuse("a")
                                                     .refuse("a", Outcome::already_claimed)
                                                     .row("a", "4")
                                                     .refuse("b")
                                                     .row("b")
                                                     .row("x", "5")
                                                     .row("x", "6")
                                                     .attempt("n", Outcome::not_sent)
                                                     .row("n", "7"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was told sold_out (attempts 0, 1) but has claim 4",
                                   "b was told sold_out (attempt 2) but has 1 new row",
                                   "x took no part in the storm but has 2 new rows",
                                   "n never had a request sent (attempt 3) but has claim 7"});
    CHECK(finding.witness_count == 4);
    CHECK(finding.witnesses[0].user == "a");
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"4"});
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{0, 1});
    CHECK(finding.witnesses[2].claim_ids == std::vector<std::string>{"5", "6"});
    CHECK(finding.witnesses[2].attempts.empty());
}

TEST_CASE("rows from before the storm are nobody's phantoms") {
    const Finding finding = check_phantom_claims(
        storm(9).old_row("old", "1").old_row("no").refuse("no").sold(1, "u", 2));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(figures(finding).at("rows_added") == 1);
}

TEST_CASE("a second row beside an old one is new, by id and by number") {
    CHECK(check_phantom_claims(storm(9).old_row("a", "1").refuse("a").row("a", "2")).verdict ==
          Verdict::violated);
    CHECK(check_phantom_claims(storm(9).old_row("a").refuse("a").row("a")).verdict ==
          Verdict::violated);
    CHECK(check_phantom_claims(storm(9).deleted_row("a", "5").refuse("a").row("a", "4")).verdict ==
          Verdict::violated);
    CHECK(check_phantom_claims(storm(9).deleted_row("a", "3").refuse("a").row("a", "4")).verdict ==
          Verdict::violated);
    CHECK(check_phantom_claims(storm(9).deleted_row("a", "3").old_row("a", "4").refuse("a"))
              .verdict == Verdict::holds);
}

TEST_CASE("a row that went over from one user to another is new to the second") {
    const Finding finding =
        check_phantom_claims(storm(9).deleted_row("a", "1").refuse("b").row("b", "1"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.witnesses.at(0).user == "b");
}

TEST_CASE("how many rows a granted user has is not this check's question") {
    CHECK(check_phantom_claims(storm(9).grant("a", "1").row("a", "1").row("a", "2")).verdict ==
          Verdict::holds);
}

TEST_CASE("with a cut history or no baseline a phantom may be none") {
    const auto story = [] { return storm(9).refuse("a").row("a", "4"); };
    const Finding cut = check_phantom_claims(story().history_cut("tail"));
    CHECK(cut.verdict == Verdict::inconclusive);
    CHECK(cut.summary ==
          "1 row for 1 user without a granted or unanswered attempt; but the history is cut: tail");
    CHECK(cut.witness_count == 1);
    const Finding none = check_phantom_claims(story().no_baseline());
    CHECK(none.verdict == Verdict::inconclusive);
    CHECK(none.summary.find("no baseline was taken") != std::string::npos);
    const Finding unread = check_phantom_claims(story().baseline_unreadable("denied"));
    CHECK(unread.verdict == Verdict::inconclusive);
    CHECK(unread.summary.find("could not be read: denied") != std::string::npos);
    CHECK(check_phantom_claims(storm(9).sold(1).history_cut("tail")).verdict == Verdict::holds);
    CHECK(check_phantom_claims(storm(9).sold(1).no_baseline()).verdict == Verdict::holds);
}

TEST_CASE(
    "phantom_claims is inconclusive on unsettled or unreadable rows, skipped without evidence") {
    const auto story = [] { return storm(9).refuse("a").row("a", "4"); };
    CHECK(check_phantom_claims(story().unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_phantom_claims(story().claims_unreadable("gone")).verdict == Verdict::inconclusive);
    CHECK(check_phantom_claims(story().no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_phantom_claims(storm(9).row("a")).verdict == Verdict::skipped);
}

TEST_CASE("phantoms are kept as witnesses up to the limit and counted beyond it") {
    const Finding finding = check_phantom_claims(storm(999).refuse("a").rows(150, "x", 1));
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 150);
    CHECK(figures(finding).at("strangers") == 150);
    auto story = storm(999).refuse("a");
    for (int i = 0; i < 30; ++i) story.row("a", std::to_string(i));
    CHECK(check_phantom_claims(story).witnesses.at(0).claim_ids.size() == 20);
}

}  // namespace claimstorm::test
