#include <catch2/catch.hpp>

#include "checkers/by_user.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

std::vector<ByUser::Index> of(const ByUser& grouped, UserId user) {
    const auto group = grouped.of(user);
    return {group.begin(), group.end()};
}

using Indices = std::vector<ByUser::Index>;

}  // namespace

TEST_CASE("a user's grants are in the order of their claim ids, those without one first") {
    EvidenceBuilder story = storm(9).grant("a", "30").grant("b", "1").grant("a", "4").refuse("a");
    const ByUser grants = grants_by_user(story.grant("a").grant("c", "2").grant("a", "31"));
    CHECK(grants.size() == 6);
    CHECK(of(grants, 0) == Indices{4, 0, 6, 2});
    CHECK(of(grants, 1) == Indices{1});
    CHECK(of(grants, 2) == Indices{5});
}

TEST_CASE("many grants of one claim keep the order of the history") {
    EvidenceBuilder story = storm(9);
    Indices in_order;
    for (ByUser::Index at = 0; at < 300; ++at) {
        story.grant("a", "7");
        in_order.push_back(at);
    }
    CHECK(of(grants_by_user(story), 0) == in_order);
}

TEST_CASE("who has nothing, or is nobody, has an empty group") {
    const EvidenceBuilder story = storm(9).grant("a", "1").refuse("b").refuse("c").grant("d", "2");
    const ByUser grants = grants_by_user(story);
    CHECK(grants.of(1).empty());
    CHECK(grants.of(2).empty());
    CHECK(of(grants, 3) == Indices{3});
    CHECK(grants.of(4).empty());
    CHECK(grants.of(kNoUser).empty());
    CHECK(ByUser().of(0).empty());
    CHECK(ByUser().size() == 0);
}

TEST_CASE("rows of a ledger that was not read are none") {
    EvidenceBuilder story = storm(9).row("a", "2").row("b", "3").row("a", "1");
    const Evidence& evidence = story.raw();
    CHECK(of(rows_by_user(evidence, evidence.after.ledger), 0) == Indices{2, 0});
    story.claims_unreadable("gone");
    CHECK(rows_by_user(evidence, evidence.after.ledger).size() == 0);
    CHECK(rows_by_user(evidence, evidence.after.ledger).of(0).empty());
}

TEST_CASE("the rows that were added are those the baseline lacks, each as often as it lacks them") {
    EvidenceBuilder story = storm(9);
    story.old_row("a", "2").old_row("a", "4").deleted_row("a", "5").old_row("a").deleted_row("a");
    story.row("a", "1").row("a", "4").row("a").row("a").row("a", "9");
    const Evidence& evidence = story.raw();
    const ByUser after = rows_by_user(evidence, evidence.after.ledger);
    const ByUser before = rows_by_user(evidence, evidence.before.ledger);
    Indices added = {77};  // what is there stays
    subtract_rows(evidence, after.of(0), before.of(0), added);
    // Of three rows without an id two are old, of two of claim 4 one is.
    CHECK(added == Indices{77, 6, 3, 4, 7});
}

}  // namespace claimstorm::test
