#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// Three grants, told at 1000, 2000 and 3000, that are all stored in the end.
EvidenceBuilder three_sold() {
    return storm(5).sold(3).backlog(0);
}

}  // namespace

TEST_CASE("as many rows and queued claims as were told are in balance, one fewer is early") {
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 2).queued(1)).verdict ==
          Verdict::holds);
    const Finding early = check_live_balance(three_sold().sample(3001, 3002, 1).queued(1));
    CHECK(early.verdict == Verdict::violated);
    CHECK(early.strength == Strength::possible);
    CHECK(figures(early)["early"] == 1);
    CHECK(figures(early)["unasked"] == 0);
    CHECK(figures(early)["rows_behind"] == 2);
    CHECK(says(early, "1 claim told yes before a row or the backlog had it"));
    REQUIRE(early.witnesses.size() == 1);
    CHECK(early.witnesses[0].key == "samples.ndjson:1");
    CHECK(says(check_live_balance(three_sold().sample(3001, 3002, 0).queued(1)),
               "2 claims told yes before a row or the backlog had them"));
}

TEST_CASE("the backlog that counts for the answers is the one read before the rows") {
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 0).queued(3, 0)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 0).queued(0, 3)).verdict ==
          Verdict::violated);
}

TEST_CASE("a grant told in the instant in which a sample begins was not told before it") {
    CHECK(check_live_balance(three_sold().sample(3000, 3002, 2).queued(0)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 2).queued(0)).verdict ==
          Verdict::violated);
}

TEST_CASE("without a backlog the rows' lag is a figure and accuses nobody") {
    const Finding finding = check_live_balance(three_sold().sample(3001, 3002, 0));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(figures(finding)["rows_behind"] == 3);
    CHECK(figures(finding)["early"] == 0);
    CHECK(says(finding, "up to 3 behind the answers, and the target names no backlog"));
}

TEST_CASE("a backlog whose parts were not read at once accuses nobody") {
    EvidenceBuilder story = three_sold().sample(3001, 3002, 0).queued(0);
    story.raw().samples->back().backlog_at_once = false;
    const Finding finding = check_live_balance(story);
    CHECK(finding.verdict == Verdict::holds);
    CHECK(says(finding, "cannot be read at once"));
}

TEST_CASE("a claim that is missing at rest is lost, not early") {
    const EvidenceBuilder lost =
        storm(5).sold(2).grant("x", "9").backlog(0).sample(3001, 3002, 2).queued(0);
    CHECK(check_live_balance(lost).verdict == Verdict::holds);
    CHECK(check_lost_claims(lost).verdict == Verdict::violated);
    CHECK(figures(check_live_balance(
              storm(5).sold(2).grant("x", "9").backlog(0).sample(3001, 3002, 1).queued(0)))
              ["early"] == 1);
}

TEST_CASE("how long answers ran ahead is told from balance to balance, at most") {
    const Finding finding = check_live_balance(three_sold()
                                                   .sample(100, 200, 0)
                                                   .queued(0)
                                                   .sample(1'500, 1'600, 0)
                                                   .queued(0)
                                                   .sample(2'500'000, 3'001'000, 3)
                                                   .queued(0));
    CHECK(figures(finding)["early_ms"] == 3);  // from the first grant, 1000, to 3,001,000 ns
    CHECK(says(finding, "for 3 ms at most"));
    CHECK(figures(check_live_balance(three_sold()
                                         .sample(1'500, 1'600, 0)
                                         .queued(0)
                                         .sample(2'500'000, 3'001'001, 3)
                                         .queued(0)))["early_ms"] == 4);
    // Balanced in between: the longer of the two times.
    CHECK(figures(check_live_balance(three_sold()
                                         .sample(1'001, 1'002, 0)
                                         .queued(0)
                                         .sample(1'500, 1'600, 3)
                                         .queued(0)
                                         .sample(9'000'000, 9'000'000, 2)
                                         .queued(0)
                                         .sample(9'500'000, 9'501'500, 3)
                                         .queued(0)))["early_ms"] == 10);
    CHECK(figures(check_live_balance(
              three_sold().sample(3001, 2'001'000, 0).queued(0)))["early_ms"] == 2);
}

TEST_CASE("as many rows as attempts sent may be, one more was asked for by nobody") {
    const Finding fine = check_live_balance(storm(9).sold(4).sample(1500, 2000, 3));
    CHECK(fine.verdict == Verdict::holds);  // sent at 0, 1000 and, touching it, 2000
    const Finding finding = check_live_balance(storm(9).sold(4).sample(1500, 1999, 3));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(figures(finding)["unasked"] == 1);
    CHECK(figures(finding)["unexplained"] == 0);
    CHECK(says(finding, "1 row stood beyond all attempts that had been sent"));
    CHECK(sentences(finding).front() ==
          "sample 1, 0.0 to 0.0 ms after the release: 3 new rows, 2 attempts sent by then: 1 too "
          "many");
}

TEST_CASE("a claim may be in a row and in the backlog at once: its consumer stores it first") {
    const Finding finding =
        check_live_balance(storm(9).sold(3).backlog(0).sample(3001, 3002, 3).queued(3));
    CHECK(finding.verdict == Verdict::holds);
}

TEST_CASE("a row of somebody who has been told no is possible only while the answer is open") {
    const auto refused = [](TimeNs begun, Outcome outcome) {
        return check_live_balance(storm(1).refuse("r", outcome).sample(begun, begun + 5, 1));
    };
    CHECK(refused(1000, Outcome::sold_out).verdict == Verdict::holds);
    CHECK(refused(1000, Outcome::already_claimed).verdict == Verdict::holds);
    const Finding finding = refused(1001, Outcome::sold_out);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::possible);
    CHECK(figures(finding)["unexplained"] == 1);
    CHECK(figures(finding)["unasked"] == 0);
    CHECK(refused(1001, Outcome::already_claimed).verdict == Verdict::violated);
    // These may have held a unit and give it back when they like.
    CHECK(refused(9000, Outcome::throttled).verdict == Verdict::holds);
    CHECK(refused(9000, Outcome::rejected).verdict == Verdict::holds);
    CHECK(check_live_balance(storm(1).lose_reply("r").sample(9000, 9005, 1)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(storm(1).refuse("r", Outcome::not_sent).sample(9000, 9005, 1))
              .strength == Strength::definite);
}

TEST_CASE("an answer that repeats a claim id explains one row, one without an id its own") {
    const auto twice = [](std::string_view id, std::string_view other) {
        return check_live_balance(
            storm(5).grant("u", id).grant("u", other).row("u", "7").sample(2001, 2002, 2));
    };
    CHECK(figures(twice("7", "7"))["unexplained"] == 1);
    CHECK(figures(twice("7", "8"))["unexplained"] == 0);
    CHECK(figures(twice("", ""))["unexplained"] == 0);
    // Told once, however often: one row is enough.
    const auto behind = [](std::string_view id, std::string_view other) {
        return figures(check_live_balance(storm(5)
                                              .grant("u", id)
                                              .grant("u", other)
                                              .row("u", "7")
                                              .sample(2001, 2002, 0)))["rows_behind"];
    };
    CHECK(behind("7", "7") == 1);
    CHECK(behind("7", "") == 1);
    CHECK(behind("", "") == 1);
    CHECK(behind("7", "8") == 2);
}

TEST_CASE("rows from before the storm are no answer to it") {
    const auto with_old = [](std::int64_t rows) {
        return check_live_balance(storm(9)
                                      .old_row("o1", "101")
                                      .old_row("o2", "102")
                                      .sold(2)
                                      .backlog(0)
                                      .sample(2001, 2002, rows)
                                      .queued(0));
    };
    CHECK(with_old(4).verdict == Verdict::holds);
    CHECK(figures(with_old(3))["early"] == 1);
    CHECK(figures(with_old(5))["unasked"] == 1);
    // A row from before it that is away for a moment is nobody's answer.
    CHECK(check_live_balance(storm(9)
                                 .old_row("o1", "101")
                                 .old_row("o2", "102")
                                 .sold(1)
                                 .backlog(0)
                                 .sample(500, 900, 0)
                                 .queued(0))
              .verdict == Verdict::holds);
    // Its owner may have been given the old answer again.
    CHECK(check_live_balance(storm(9)
                                 .old_row("o1", "101")
                                 .grant("o1", "101")
                                 .backlog(0)
                                 .sample(2001, 2002, 1)
                                 .queued(0))
              .verdict == Verdict::holds);
}

TEST_CASE("units that were given back while the storm ran make no answer early") {
    SECTION("a row from before it") {
        CHECK(check_live_balance(storm(9)
                                     .deleted_row("o1", "101")
                                     .sold(1)
                                     .backlog(0)
                                     .sample(1001, 1002, 1)
                                     .queued(0))
                  .verdict == Verdict::holds);
        CHECK(figures(check_live_balance(storm(9)
                                             .deleted_row("o1", "101")
                                             .sold(1)
                                             .backlog(0)
                                             .sample(1001, 1002, 0)
                                             .queued(0)))["early"] == 1);
    }
    SECTION("a claim that its user makes again, told with another id or without any") {
        for (const char* second : {"8", ""}) {
            const char* first = *second == '\0' ? "" : "7";
            CHECK(check_live_balance(storm(9)
                                         .grant("u", first)
                                         .grant("u", second)
                                         .row("u", "8")
                                         .backlog(0)
                                         .sample(1001, 1002, 0)
                                         .queued(0))
                      .verdict == Verdict::holds);
        }
    }
    SECTION("a claim that its user makes again, unanswered") {
        CHECK(check_live_balance(storm(9)
                                     .grant("u", "7")
                                     .lose_reply("u")
                                     .row("u", "8")
                                     .backlog(0)
                                     .sample(1001, 1002, 0)
                                     .queued(0))
                  .verdict == Verdict::holds);
        CHECK(check_live_balance(storm(9)
                                     .deleted_row("u", "7")
                                     .lose_reply("u")
                                     .row("u", "8")
                                     .sold(1)
                                     .backlog(0)
                                     .sample(2001, 2002, 1)
                                     .queued(0))
                  .verdict == Verdict::holds);
    }
}

TEST_CASE("what is missing of the evidence is said, and never green") {
    const auto verdict = [](const EvidenceBuilder& story) {
        return check_live_balance(story).verdict;
    };
    CHECK(verdict(storm(1)) == Verdict::skipped);
    CHECK(verdict(storm(1).sample(0, 1, 0)) == Verdict::skipped);  // nobody claimed
    CHECK(verdict(storm(1).grant("u").no_claims_query().sample_unread(0, 1, {})) ==
          Verdict::skipped);
    CHECK(verdict(storm(1).sold(1).baseline_unreadable("gone").sample(0, 1, 0)) ==
          Verdict::inconclusive);
    CHECK(verdict(storm(1).sold(1).no_baseline().sample(0, 1, 0)) == Verdict::inconclusive);
    const Finding unread =
        check_live_balance(storm(1).sold(1).sample_unread(0, 1, Unreadable{"no such table"}));
    CHECK(unread.verdict == Verdict::inconclusive);
    CHECK(unread.summary == "no sample has rows: no such table");
    EvidenceBuilder none = storm(1).sold(1);
    none.raw().samples.emplace();
    CHECK(check_live_balance(none).summary == "no sample was taken");
    EvidenceBuilder blind = three_sold().sample(3001, 3002, 3);
    blind.raw().samples->back().backlog_before = Unreadable{"gone"};
    CHECK(verdict(blind) == Verdict::inconclusive);
    CHECK(verdict(three_sold().unsettled("moving").sample(3001, 3002, 0).queued(0)) ==
          Verdict::inconclusive);
    const Finding some = check_live_balance(
        three_sold().sample(3001, 3002, 3).queued(0).sample_unread(4000, 4001, Unreadable{"gone"}));
    CHECK(some.verdict == Verdict::holds);
    CHECK(says(some, "1 without rows: gone"));
}

TEST_CASE("a cut history may lack who asked, and never makes an answer early") {
    CHECK(check_live_balance(storm(9).sold(1).history_cut("cut").sample(1001, 1002, 2)).verdict ==
          Verdict::inconclusive);
    CHECK(check_live_balance(three_sold().history_cut("cut").sample(3001, 3002, 3).queued(0))
              .verdict == Verdict::inconclusive);
    CHECK(check_live_balance(three_sold().history_cut("cut").sample(3001, 3002, 0).queued(0))
              .verdict == Verdict::violated);
}

}  // namespace claimstorm::test
