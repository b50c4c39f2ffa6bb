#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

using Lines = std::vector<std::string>;

Lines diagnosis_of(const Evidence& evidence, const std::string& check) {
    return run_checks(evidence, {check}).front().diagnosis;
}

/// The line that says these words; empty for none.
std::string line_with(const Lines& lines, std::string_view words) {
    for (const std::string& line : lines) {
        if (line.find(words) != std::string::npos) return line;
    }
    return "";
}

/// The last line of each diagnosis of that check.
std::string next_of(std::string_view check) {
    return "next: " + std::string(find_check(check)->explanation().next);
}

/// The last attempt lasted from `sent` to `done`, in milliseconds.
EvidenceBuilder& during_ms(EvidenceBuilder& story, TimeNs sent, TimeNs done) {
    return during(story, sent * 1000, done * 1000);
}

/// Two units; each of the users is granted and stored, in the given milliseconds.
EvidenceBuilder served(const std::vector<std::pair<TimeNs, TimeNs>>& times) {
    EvidenceBuilder story = storm(2);
    int number = 0;
    for (const auto& [sent, done] : times) {
        const std::string id = std::to_string(++number);
        during_ms(story.grant("u" + id, id).row("u" + id, id), sent, done);
    }
    return story;
}

}  // namespace

TEST_CASE("only what is violated is diagnosed") {
    CHECK(diagnosis_of(storm(2).sold(2), "oversell").empty());
    CHECK(diagnosis_of(storm(2).sold(2).sold_out(true), "sold_out_flag").empty());
    CHECK(diagnosis_of(storm(2).backlog(2).sold_out(false), "sold_out_flag").empty());
    EvidenceBuilder flag = storm(2).sold(2).sold_out(false).remaining(0).cache(0);
    CHECK(line_with(diagnosis_of(flag, "sold_out_flag"), "counter says").empty());
}

TEST_CASE("an oversell is told as rows, promises, users, counters, time and debt") {
    // NOLINTBEGIN(bugprone-suspicious-missing-comma): a long line of the diagnosis takes several
    const Lines lines = diagnosis_of(
        served({{1, 9}, {2, 20}, {3, 30}, {4, 40}}).remaining(-2).cache(-2), "oversell");
    CHECK(
        lines ==
        Lines{"really oversold: 2 rows stored beyond the stock, and 2 too many were told yes",
              "different users: nobody has more than 1",
              "the database's counter says -2, one for each row: a relative decrement that "
              "nothing guards; make it conditional (WHERE remaining > 0) and look at the "
              "affected rows",
              "the cache says -2, like the database: both took the same steps",
              "the excess began 30.0 ms after the release with attempt 2, 21.0 ms after the "
              "first grant was told",
              "all claims had begun before the first grant was told: a cold cache that several "
              "loaded, or no guard at all",
              "owed: 2 items more than there is to give; the witnesses are the rows that came last",
              next_of("oversell")});
    // NOLINTEND(bugprone-suspicious-missing-comma)
}

TEST_CASE("rows beyond the stock need not have been promised") {
    const Lines lines = diagnosis_of(storm(2).sold(2).row("x", "9"), "oversell");
    CHECK(lines.front() ==
          "really oversold: 1 row stored beyond the stock, though no more were told yes than there "
          "was: see phantom_claims");
    CHECK(line_with(lines, "the excess began").empty());
}

TEST_CASE("second rows of the same users are told from rows of different ones") {
    EvidenceBuilder story = storm(2).sold(2).row("u0", "8").row("u0", "9").row("x", "10");
    CHECK(line_with(diagnosis_of(story, "oversell"), "second rows") ==
          "2 of 3 too many: second rows of 1 user, see duplicate_users");
    // More second rows than rows too many: the stock hides some.
    EvidenceBuilder few = storm(3).sold(2).row("u0", "8").row("u0", "9");
    CHECK(line_with(diagnosis_of(few, "oversell"), "second rows") ==
          "1 of 1 too many: second rows of 1 user, see duplicate_users");
    CHECK(line_with(diagnosis_of(story.per_user(3), "oversell"), "different users") ==
          "different users: nobody has more than 3");
}

TEST_CASE("a promise that is not stored is no oversell") {
    EvidenceBuilder story = storm(2).sold(2).grant("x", "8").grant("y", "9");
    const Lines lines = diagnosis_of(story, "promised_oversell");
    CHECK(lines.front() ==
          "only promised: the rows stay within the stock, 2 were told yes and hold nothing; see "
          "lost_claims");
    CHECK(lines[1] == "different users: nobody has more than 1");
    CHECK(diagnosis_of(served({{1, 2}, {1, 2}, {1, 2}}), "promised_oversell").front() ==
          "stored as well: see oversell");
    const Lines unread = diagnosis_of(story.claims_unreadable("gone"), "promised_oversell");
    REQUIRE(unread.size() == 3);
    CHECK(line_with(unread, "the excess began") == unread.front());
    CHECK(unread.back() == next_of("promised_oversell"));
}

TEST_CASE("promises beyond the stock are told beside second rows and counters") {
    // a was granted twice and holds three rows; one promise is too many, and not stored.
    EvidenceBuilder story = storm(5).sold(2).grant("a", "8").grant("a", "9").grants(2, "x", 20);
    story.row("a", "8").row("a", "9").row("a", "10").remaining(0);
    const Lines lines = diagnosis_of(story, "promised_oversell");
    CHECK(line_with(lines, "second rows") ==
          "1 of 1 too many: second rows of 1 user, see duplicate_users");
    CHECK(line_with(lines, "the database's counter") ==
          "the database's counter says 0, as many as the rows leave: it agrees");
}

TEST_CASE("a log that does not say when its grants were told does not tell when the excess began") {
    EvidenceBuilder story = served({{1, 5}, {2, 6}, {3, 7}});
    story.change_last([](Attempt& attempt) { attempt.done_ns = kNever; });
    const Lines lines = diagnosis_of(story, "oversell");
    CHECK(line_with(lines, "the excess began") ==
          "when the excess began is not known: some grants do not say when they were told");
    CHECK(line_with(lines, "claims had begun").empty());
    CHECK(lines.size() == 5);
}

TEST_CASE(
    "the beginning of an excess tells a race for the last unit from a gate that opened again") {
    // All had begun by the first answer, at its very instant at the latest.
    CHECK(!line_with(diagnosis_of(served({{1, 5}, {2, 6}, {5, 7}}), "oversell"), "cold cache")
               .empty());
    // Under way when the last unit was told, at its very instant at the latest.
    const Lines race = diagnosis_of(served({{1, 5}, {2, 6}, {6, 7}}), "oversell");
    CHECK(line_with(race, "check-then-act") ==
          "every surplus claim was under way when the last unit was told: check-then-act at the "
          "stock's end, the check and the taking are not one step");
    const Lines again =
        diagnosis_of(served({{1, 5}, {2, 6}, {3, 7}, {7, 8}, {306, 309}}), "oversell");
    CHECK(line_with(again, "began after the last unit") ==
          "2 of the 3 surplus claims began after the last unit had been told, up to 300.0 ms "
          "after: no race for the last unit, the gate stood open or opened again; compare these "
          "times with the lock's TTL, a cache refill, an eviction, a restart");
    CHECK(line_with(again, "the excess began") ==
          "the excess began 7.0 ms after the release with attempt 2, 2.0 ms after the first grant "
          "was told");
    CHECK(line_with(again, "check-then-act").empty());
    // Whose name comes first makes no difference.
    CHECK(line_with(diagnosis_of(served({{4, 40}, {3, 30}, {2, 20}, {1, 9}}), "oversell"),
                    "the excess began") ==
          "the excess began 30.0 ms after the release with attempt 1, 21.0 ms after the first "
          "grant was told");
}

TEST_CASE("an excess is held against the lock's TTL, if it is known") {
    const auto lock_lines = [](const EvidenceBuilder& story, std::chrono::milliseconds ttl) {
        EvidenceBuilder locked = story;
        locked.raw().lock_ttl = ttl;
        return diagnosis_of(locked, "oversell");
    };
    // The first claim began at 10 ms; the third, beyond the stock, was told `gap` later.
    const auto after = [&](TimeNs gap_ns, std::chrono::milliseconds ttl) {
        EvidenceBuilder story = served({{10, 12}, {11, 13}, {12, 14}});
        story.change_last([&](Attempt& a) { a.done_ns = 10'000'000 + gap_ns; });
        return line_with(lock_lines(story, ttl), "at a multiple of the lock's TTL");
    };
    using namespace std::chrono_literals;
    CHECK(after(100'000'000, 100ms) ==
          "the excess began at a multiple of the lock's TTL of 100ms, 1.00 times that after the "
          "first claim: the lock expired under its holder and the next one came in; renew it while "
          "at work, let it outlast the longest transaction, or let the write ask for a fencing "
          "token");
    CHECK(after(99'999'999, 100ms).empty());
    CHECK_FALSE(after(110'000'000, 100ms).empty());
    CHECK(after(110'000'001, 100ms).empty());
    CHECK(after(300'000'000, 100ms).find(", 3.00 times that") != std::string::npos);
    CHECK_FALSE(after(1'010'000'000, 100ms).empty());
    CHECK(after(1'100'000'000, 100ms).empty());  // too many TTLs ago to mean anything

    const EvidenceBuilder story = served({{1, 5}, {2, 6}, {2, 12}});
    CHECK(line_with(lock_lines(story, 9ms), "took longer") ==
          "1 of the 3 granted claims took longer than the lock's TTL of 9ms, the wait for the lock "
          "included: it may have expired under its holder");
    CHECK(line_with(lock_lines(story, 10ms), "took longer").empty());
    CHECK(line_with(lock_lines(story, 10ms), "within the lock's TTL") ==
          "every granted claim was answered within the lock's TTL of 10ms: not the expiry of the "
          "lock, unless work goes on after the answer");
    CHECK(line_with(diagnosis_of(story, "oversell"), "the lock's TTL of").empty());
}

TEST_CASE("claims from before the storm are part of the stock, not of the excess") {
    EvidenceBuilder story = served({{1, 5}, {6, 7}}).old_row("o", "77").grant("o", "77");
    const Lines lines = diagnosis_of(story, "oversell");
    CHECK(lines.front() ==
          "really oversold: 1 row stored beyond the stock, and 1 too many were told yes");
    CHECK(line_with(lines, "the excess began") ==
          "the excess began 7.0 ms after the release with attempt 1, 2.0 ms after the first grant "
          "was told");
    // Without any room there is no last unit.
    EvidenceBuilder full = storm(1).old_row("o", "77").sold(1);
    CHECK(line_with(diagnosis_of(full, "oversell"), "the excess began").empty());
}

TEST_CASE("the database's counter names the pattern") {
    const auto says = [](std::int64_t stock, int rows, std::int64_t remaining) {
        EvidenceBuilder story = storm(stock).rows(rows, "u", 1).remaining(remaining);
        const Finding drift = run_checks(story, {"database_drift"}).front();
        const Lines lines =
            drift.verdict == Verdict::violated ? drift.diagnosis : diagnosis_of(story, "oversell");
        return line_with(lines, "the database's counter");
    };
    CHECK(says(2, 5, 0) ==
          "the database's counter says 0, with 3 rows too many: lost updates, or a guarded update "
          "whose affected rows nobody looked at");
    CHECK(says(2, 5, 1) ==
          "the database's counter says 1, with 3 rows too many: an absolute write after a stale "
          "read");
    CHECK(says(2, 5, -2) ==
          "the database's counter says -2, and the rows leave -3: updates were lost or never made");
    CHECK(says(2, 3, -2) ==
          "the database's counter says -2, and the rows leave -1: it was decremented for claims "
          "never stored");
    CHECK(says(5, 2, 4) ==
          "the database's counter says 4, and the rows leave 3: updates were lost or never made");
    CHECK(says(5, 2, 0) ==
          "the database's counter says 0, and the rows leave 3: it was decremented for claims "
          "never stored");
    CHECK(says(2, 2, 1) ==
          "the database's counter says 1, and the rows leave 0: updates were lost or never made");
    CHECK(says(2, 2, -1) ==
          "the database's counter says -1, and the rows leave 0: it was decremented for claims "
          "never stored");
}

TEST_CASE("cache and database beside each other say where units went") {
    const auto says = [](const EvidenceBuilder& story) {
        return line_with(diagnosis_of(story, "cache_drift"), "the cache");
    };
    EvidenceBuilder story = storm(9).sold(2).remaining(7);
    CHECK(says(EvidenceBuilder(story).cache(5)) ==
          "the cache says 5, 2 below the database: deductions were burnt, for claims that were "
          "refused or failed and not put back");
    CHECK(says(EvidenceBuilder(story).cache(8)) ==
          "the cache says 8, 1 above the database: refilled while claims were under way, "
          "compensated twice, or passed by");
    CHECK(says(EvidenceBuilder(story).cache(5).backlog(1)) ==
          "the cache with its queue says 6, 1 below the database: deductions were burnt, for "
          "claims that were refused or failed and not put back");
    const Lines agree = diagnosis_of(EvidenceBuilder(story).remaining(6).cache(6), "cache_drift");
    CHECK(line_with(agree, "the cache") ==
          "the cache says 6, like the database: both took the same steps");
    const Lines gone = diagnosis_of(storm(2).sold(2).remaining(0).cache(1), "cache_drift");
    CHECK(gone.front() == "the database's counter says 0, as many as the rows leave: it agrees");
    const Lines right = diagnosis_of(EvidenceBuilder(story).cache(5), "cache_drift");
    CHECK(right.front() == "the database's counter says 7, as many as the rows leave: it agrees");
    CHECK(diagnosis_of(storm(9).sold(2).cache(5), "cache_drift") ==
          Lines{"drift above zero: units leaked, taken from the cache and nobody's (2): a failure "
                "between the decrement and COMMIT whose compensation is missing, or refused claims "
                "that were not put back",
                next_of("cache_drift")});
    CHECK(line_with(diagnosis_of(storm(9).sold(2).cache(8), "cache_drift"), "drift below") ==
          "drift below zero: the cache offers units that are gone (1): a compensation done twice, "
          "a late SET on a cold cache, a restart, an eviction");
    CHECK(diagnosis_of(storm(2).sold(2).remaining(0).cache(1), "cache_drift").front() ==
          "the database's counter says 0, as many as the rows leave: it agrees");
    CHECK(diagnosis_of(storm(9).sold(2).remaining(5), "database_drift").size() == 2);
}

TEST_CASE("users with too much are told apart by the times of their clicks") {
    EvidenceBuilder story = storm(99);
    // a: overlapping, if only in one instant; b: 3 ms apart; c: 2 ms; d: one yes, two rows.
    during_ms(story.grant("a", "1").row("a", "1"), 10, 15);
    during_ms(story.grant("a", "2").row("a", "2"), 5, 10);
    during_ms(story.grant("b", "3").row("b", "3"), 1, 2);
    during_ms(story.grant("b", "4").row("b", "4"), 5, 6);
    during_ms(story.grant("c", "5").row("c", "5"), 8, 9);
    during_ms(story.grant("c", "6").row("c", "6"), 5, 6);
    during_ms(story.grant("d", "7").row("d", "7").row("d", "8"), 5, 6);
    during_ms(story.grant("fine", "9").row("fine", "9"), 5, 6);
    CHECK(diagnosis_of(story, "duplicate_users") ==
          Lines{"1 user with granted attempts that overlap: a double click raced itself; ask and "
                "write under one lock of that user, or let a unique key decide",
                "2 users granted again later, 2.0 ms after the first answer at the least: no race, "
                "the question is not asked at all, or of a copy that lags or expired",
                "1 user with one yes at most and more rows: one claim was processed twice; look "
                "for a redelivered message or a retried transaction without a unique key",
                next_of("duplicate_users")});
    EvidenceBuilder moving = story;  // then d's rows are not counted
    CHECK(diagnosis_of(moving.unsettled("busy"), "duplicate_users").size() == 3);
    CHECK(diagnosis_of(story.claims_unreadable("gone"), "duplicate_users").size() == 3);
    // A third attempt may overlap the first one, whatever lies between.
    EvidenceBuilder around = storm(99);
    during_ms(around.grant("a", "1").row("a", "1"), 1, 2);
    during_ms(around.grant("a", "2").row("a", "2"), 3, 20);
    during_ms(around.grant("a", "3").row("a", "3"), 10, 11);
    CHECK(diagnosis_of(around, "duplicate_users").size() == 2);
    CHECK(!line_with(diagnosis_of(around, "duplicate_users"), "overlap").empty());
}

TEST_CASE("a user granted twice is told beside the counters, and by what happened alone") {
    EvidenceBuilder story = storm(9).remaining(7);
    during_ms(story.grant("a", "1").row("a", "1"), 1, 2);
    during_ms(story.grant("a", "2").row("a", "2"), 5, 6);
    CHECK(diagnosis_of(story, "duplicate_users") ==
          Lines{"1 user granted again later, 3.0 ms after the first answer at the least: no race, "
                "the question is not asked at all, or of a copy that lags or expired",
                "the database's counter says 7, as many as the rows leave: it agrees",
                next_of("duplicate_users")});
}

TEST_CASE("who lost a claim is owed it, and the times name a crash or an error path") {
    EvidenceBuilder story = storm(99).sold(2).remaining(97);
    during_ms(story.grant("x", "8"), 5, 40);
    during_ms(story.grant("y", "9"), 5, 30);
    CHECK(diagnosis_of(story, "lost_claims") ==
          Lines{"owed: an item to 2 claims; told between 30.0 and 40.0 ms after the release: close "
                "together they name one crash or restart, spread out an error path",
                "the database's counter says 97, as many as the rows leave: it agrees",
                next_of("lost_claims")});
    // Rows of somebody else's claim leave nobody empty-handed.
    EvidenceBuilder swapped = storm(9).grant("a", "1").row("a", "2").grant("b", "2").row("b", "1");
    CHECK(diagnosis_of(swapped, "lost_claims") ==
          Lines{"their ids stand under another user (2): the claim was written for somebody else: "
                "a user taken from shared state, a message consumed under the wrong name",
                next_of("lost_claims")});
}

}  // namespace claimstorm::test
