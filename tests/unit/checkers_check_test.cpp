#include "checkers/check.h"

#include <set>

#include <catch2/catch.hpp>

#include "checkers/by_user.h"
#include "model/error.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("the table explains each check once and each signs its findings") {
    std::set<std::string_view> names;
    const EvidenceBuilder story = storm(1)
                                      .budget(100)
                                      .grant("u0", "1")
                                      .told_cents(100)
                                      .told_ticket(1)
                                      .row("u0", "1")
                                      .cents(100)
                                      .ticket(1)
                                      .refuse("late")
                                      .payout("1", 100)
                                      .cache(0)
                                      .remaining(0)
                                      .sold_out(true)
                                      .cache_users({"u0"})
                                      .locks({}, {})
                                      .sample(0, 1, 0)
                                      .queued(0)
                                      .backlog(0);
    for (const Check& check : all_checks()) {
        INFO(check.name);
        CHECK(names.insert(check.name).second);
        CHECK_FALSE(check.property.empty());
        CHECK(find_check(check.name) == &check);
        const Finding finding = check.run(story);
        CHECK(finding.check == check.name);
        CHECK(finding.verdict == Verdict::holds);
    }
    CHECK(names.size() == 19);
    CHECK(find_check("oversel") == nullptr);
}

TEST_CASE("checks run in the order of the table, all of them or those named") {
    const std::vector<Finding> all = run_checks(storm(1), {});
    REQUIRE(all.size() == all_checks().size() - 1);
    CHECK(all.front().check == "oversell");
    CHECK(all.back().check == "linearizable");
    const std::vector<Finding> two = run_checks(storm(1), {"cache_drift", "oversell"});
    REQUIRE(two.size() == 2);
    CHECK(two[0].check == "oversell");
    CHECK(two[1].check == "cache_drift");
}

TEST_CASE("the check of samples is left out where there are none, unless it is asked for") {
    const std::vector<Finding> watched = run_checks(storm(1).sample(0, 1, 0), {});
    CHECK(watched.size() == all_checks().size());
    CHECK(watched.back().check == "live_balance");
    const std::vector<Finding> asked = run_checks(storm(1), {"live_balance"});
    REQUIRE(asked.size() == 1);
    CHECK(asked.front().verdict == Verdict::skipped);
    CHECK(asked.front().summary == "the stores were not watched: run it with --watch");
}

TEST_CASE("a check nobody knows is refused with the nearest name") {
    CHECK_THROWS_WITH(run_checks(storm(1), {"oversel"}),
                      "no check is called 'oversel': did you mean 'oversell'? (`claimstorm checks` "
                      "lists them)");
    CHECK_THROWS_AS(run_checks(storm(1), {"zzzzzzzzzzzzzzzz"}), UsageError);
}

TEST_CASE("grouping puts each user's items together, by claim id, then by position") {
    const EvidenceBuilder story =
        storm(9).row("a", "2").row("b", "9").row("a", "1").row("c").row("a").row("a", "1");
    const Evidence& evidence = story;
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    const auto of = [&](const char* user) {
        const auto group = rows.of(*evidence.users.find(user));
        return std::vector<ByUser::Index>(group.begin(), group.end());
    };
    CHECK(rows.size() == 6);
    CHECK(of("a") == std::vector<ByUser::Index>{4, 2, 5, 0});
    CHECK(of("b") == std::vector<ByUser::Index>{1});
    CHECK(of("c") == std::vector<ByUser::Index>{3});
    CHECK(rows.of(77).empty());
    CHECK(ByUser().of(0).empty());
}

TEST_CASE("evidence that speaks of an unknown user is a mistake and not judged") {
    auto story = storm(9).grant("a");
    story.raw().history.attempts.update(0, [](Attempt& a) { a.user = 5; });
    CHECK_THROWS_AS(grants_by_user(story), std::out_of_range);
}

}  // namespace claimstorm::test
