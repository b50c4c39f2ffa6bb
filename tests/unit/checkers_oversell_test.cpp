#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("as many rows as stock is not an oversell, one more is") {
    const Finding full = check_oversell(storm(3).sold(3));
    CHECK(full.check == "oversell");
    CHECK(full.verdict == Verdict::holds);
    CHECK(full.summary == "3 claims for a stock of 3");
    CHECK(figures(full) == Figures{{"stock", 3}, {"rows", 3}, {"excess", 0}, {"rows_before", 0}});
    CHECK(full.witness_count == 0);

    const Finding over = check_oversell(storm(3).sold(4));
    CHECK(over.verdict == Verdict::violated);
    CHECK(over.strength == Strength::definite);
    CHECK(over.summary == "4 claims for a stock of 3: 1 too many");
    CHECK(figures(over) == Figures{{"stock", 3}, {"rows", 4}, {"excess", 1}, {"rows_before", 0}});
    CHECK(over.witness_count == 1);
}

TEST_CASE("rows from before the storm take stock too") {
    const Finding finding =
        check_oversell(storm(5).old_row("a", "1").old_row("b", "2").sold(6, "u", 3));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) ==
          Figures{{"stock", 5}, {"rows", 8}, {"excess", 3}, {"rows_before", 2}});
    CHECK(finding.summary ==
          "8 claims for a stock of 5: 3 too many; 2 stood there before the storm");
}

TEST_CASE("the rows beyond the stock are the last by number, whatever order they were read in") {
    const Finding finding = check_oversell(storm(2)
                                               .grant("late", "10")
                                               .grant("first", "8")
                                               .grant("second", "9")
                                               .row("late", "10")
                                               .row("first", "8")
                                               .row("second", "9"));
    REQUIRE(finding.witnesses.size() == 1);
    CHECK(finding.witnesses[0].user == "late");
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"10"});
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{0});
    CHECK(finding.witnesses[0].what == "late holds claim 10 and was told granted (attempt 0)");
}

TEST_CASE("many rows beyond the stock are named in the order of their numbers") {
    auto story = storm(40);
    std::vector<std::string> beyond;
    for (int i = 0; i < 100; ++i) {
        const std::string number = std::to_string(100 + i * 37 % 100);  // each once, in disorder
        story.row("u" + number, number);
        if (i < 60) beyond.push_back(std::to_string(140 + i));
    }
    std::vector<std::string> named;
    for (const Witness& witness : check_oversell(story).witnesses) {
        named.push_back(witness.claim_ids.at(0));
    }
    CHECK(named == beyond);
}

TEST_CASE("rows of equal number keep the order of the query") {
    const Finding finding =
        check_oversell(storm(2).row("a", "7").row("b", "7").row("c", "7").row("d", "7"));
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].user == "c");
    CHECK(finding.witnesses[1].user == "d");
}

TEST_CASE("where one claim id is no number, the last rows of the query are beyond the stock") {
    const Finding finding = check_oversell(storm(1).row("a", "30").row("b", "x2").row("c", "10"));
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].user == "b");
    CHECK(finding.witnesses[1].user == "c");

    const Finding trailing = check_oversell(storm(1).row("a", "30x").row("b", "2"));
    REQUIRE(trailing.witnesses.size() == 1);
    CHECK(trailing.witnesses[0].user == "b");
}

TEST_CASE("a witness says what its user was told, by the most telling answer") {
    const Finding finding = check_oversell(storm(0)
                                               .refuse("told-no")
                                               .refuse("double", Outcome::already_claimed)
                                               .grant("double")
                                               .grant("double")
                                               .lose_reply("lost")
                                               .refuse("lost", Outcome::throttled)
                                               .attempt("silent", Outcome::not_sent)
                                               .row("told-no")
                                               .row("double", "1")
                                               .row("lost")
                                               .row("silent")
                                               .row("stranger"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "told-no holds a row and was told sold_out (attempt 0)",
              "double holds claim 1 and was told granted (attempts 2, 3)",
              "lost holds a row and never learned the result (attempt 4: unknown)",
              "silent holds a row and never had a request sent (attempt 6)",
              "stranger holds a row and took no part in the storm"});
    CHECK(finding.witnesses[0].claim_ids.empty());
}

TEST_CASE("a witness is told by that user's attempts alone, an answer before none") {
    CHECK(sentences(check_oversell(
              storm(1).grant("a", "1").row("a", "1").row("b", "2").grant("c", "3"))) ==
          std::vector<std::string>{"b holds claim 2 and took no part in the storm"});
    CHECK(sentences(
              check_oversell(storm(0).attempt("a", Outcome::not_sent).refuse("a").row("a", "1"))) ==
          std::vector<std::string>{"a holds claim 1 and was told sold_out (attempt 1)"});
    CHECK(sentences(
              check_oversell(storm(0).refuse("a").attempt("a", Outcome::not_sent).row("a", "1"))) ==
          std::vector<std::string>{"a holds claim 1 and was told sold_out (attempt 0)"});
}

TEST_CASE("each witness is told by its own attempts, in whatever order users came") {
    const Finding finding =
        check_oversell(storm(0).grant("b", "2").grant("a", "1").row("a", "1").row("b", "2"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a holds claim 1 and was told granted (attempt 1)",
                                   "b holds claim 2 and was told granted (attempt 0)"});
    // Two rows of one user are two witnesses, with the same attempts.
    CHECK(sentences(check_oversell(storm(0).grant("a", "1").row("a", "1").row("a", "2"))) ==
          std::vector<std::string>{"a holds claim 1 and was told granted (attempt 0)",
                                   "a holds claim 2 and was told granted (attempt 0)"});
}

TEST_CASE("up to three attempts are named, more are counted") {
    auto story = storm(0).row("a", "1").grant("a").grant("a").grant("a");
    CHECK(sentences(check_oversell(story)).at(0) ==
          "a holds claim 1 and was told granted (attempts 0, 1, 2)");
    CHECK(sentences(check_oversell(story.grant("a"))).at(0) ==
          "a holds claim 1 and was told granted (attempts 0, 1, 2 and 1 more)");
}

TEST_CASE("witnesses are kept up to the limit and counted beyond it") {
    const Finding finding = check_oversell(storm(5).sold(305));
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 300);
    CHECK(finding.witnesses.front().claim_ids.front() == "6");
    CHECK(finding.witnesses.back().claim_ids.front() == "105");
}

TEST_CASE("large numbers are written with commas") {
    CHECK(check_oversell(storm(1000).old_row("old", "0").sold(2500, "u", 1)).summary ==
          "2,501 claims for a stock of 1,000: 1,501 too many; 1 stood there before the storm");
}

TEST_CASE("a cut history or a missing baseline takes nothing from an oversell") {
    CHECK(check_oversell(storm(1).sold(2).history_cut("chunk 3")).verdict == Verdict::violated);
    CHECK(check_oversell(storm(2).sold(2).history_cut("chunk 3")).verdict == Verdict::holds);
    const Finding finding = check_oversell(storm(1).sold(2).baseline_unreadable("denied"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) == Figures{{"stock", 1}, {"rows", 2}, {"excess", 1}});
}

TEST_CASE("oversell is inconclusive on unsettled or unreadable rows, skipped without a query") {
    const Finding unsettled = check_oversell(storm(1).sold(2).unsettled("3 requests in flight"));
    CHECK(unsettled.verdict == Verdict::inconclusive);
    CHECK(unsettled.summary == "the stores had not settled: 3 requests in flight");

    const Finding unreadable = check_oversell(storm(1).claims_unreadable("table sk_order is gone"));
    CHECK(unreadable.verdict == Verdict::inconclusive);
    CHECK(unreadable.summary == "the claims query could not be read: table sk_order is gone");

    const Finding skipped = check_oversell(storm(1).no_claims_query().unsettled("busy"));
    CHECK(skipped.verdict == Verdict::skipped);
    CHECK(skipped.summary == "the target names no claims query");
}

}  // namespace claimstorm::test
