// What explains a row, and what was told, at the time of a sample: as live_balance judges by it.
#include <string_view>

#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

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
    // Asked for again and again, it counts once in each sample.
    const auto one_after_another = [](std::int64_t rows) {
        return figures(check_live_balance(storm(1)
                                              .refuse("r")
                                              .refuse("r")
                                              .sample(500, 600, 1)
                                              .sample(1'100, 1'200, 1)
                                              .sample(2'100, 2'200, rows)))["unexplained"];
    };
    CHECK(one_after_another(0) == 0);
    CHECK(one_after_another(2) == 2);
    // These may have held a unit and give it back when they like.
    CHECK(refused(9000, Outcome::throttled).verdict == Verdict::holds);
    CHECK(refused(9000, Outcome::rejected).verdict == Verdict::holds);
    CHECK(check_live_balance(storm(1).lose_reply("r").sample(9000, 9005, 1)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(storm(1).refuse("r", Outcome::not_sent).sample(9000, 9005, 1))
              .strength == Strength::definite);
}

TEST_CASE("a grant explains one row for good, not one more while it is under way") {
    CHECK(figures(check_live_balance(
              storm(5).refuse("r").sold(1).sample(1'500, 1'600, 2)))["unexplained"] == 1);
}

TEST_CASE("what was never sent asked for nothing, whatever else is said of it") {
    EvidenceBuilder story = storm(5).sold(1).refuse("r", Outcome::not_sent);
    story.change_last([](Attempt& attempt) { attempt.done_ns = 1'200; });
    CHECK(check_live_balance(story.sample(1'500, 1'600, 1)).verdict == Verdict::holds);
}

TEST_CASE("who was refused was told nothing that the stores should have") {
    CHECK(check_live_balance(
              storm(5).sold(3).backlog(0).refuse("r").sample(5'000, 5'001, 3).queued(0))
              .verdict == Verdict::holds);
}

TEST_CASE("a promise that is told twice is one from the first time, asked for and told") {
    const auto twice = [](const char* id) {
        return storm(5).grant("u", id).grant("u", id).row("u", "7").backlog(0);
    };
    const auto behind = [&twice](const char* id) {
        return figures(
            check_live_balance(twice(id).sample(1'001, 1'002, 0).queued(1)))["rows_behind"];
    };
    CHECK(behind("7") == 1);
    CHECK(behind("") == 1);
    CHECK(check_live_balance(twice("7").sample(500, 900, 1).queued(0)).verdict == Verdict::holds);
    CHECK(figures(check_live_balance(twice("7").sample(1'001, 1'002, 0).queued(0)))["early"] == 1);
    CHECK(figures(check_live_balance(twice("").sample(1'001, 1'002, 0).queued(0)))["early"] == 0);
    CHECK(figures(check_live_balance(twice("").sample(2'001, 2'002, 0).queued(0)))["early"] == 1);
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
    CHECK(figures(check_live_balance(storm(9)
                                         .old_row("o1", "101")
                                         .grant("o1", "101")
                                         .sample(2001, 2002, 1)))["rows_behind"] == 0);
    CHECK(figures(check_live_balance(
              storm(9).old_row("o1").grant("o1").backlog(0).sample(2001, 2002, 1).queued(0))) ==
          figures(check_live_balance(
              storm(9).old_row("o1").refuse("o1").backlog(0).sample(2001, 2002, 1).queued(0))));
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

}  // namespace claimstorm::test
