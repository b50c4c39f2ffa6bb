#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "tests/support/evidence_builder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

Finding run(const char* check, const Evidence& evidence) {
    return find_check(check)->run(evidence);
}

}  // namespace

TEST_CASE("rows that spell every user another way accuse nobody, and say so") {
    EvidenceBuilder builder(10);
    for (const char* id : {"1", "2", "3"}) {
        builder.grant(std::string("u") + id, id).row(std::string("U") + id, id);
    }
    for (const char* check : {"lost_claims", "phantom_claims"}) {
        const Finding finding = run(check, builder);
        INFO(check);
        CHECK(finding.verdict == Verdict::inconclusive);
        CHECK(says(finding, "the column user says 'U1', the storm says 'u3'"));
        CHECK(says(finding, "users.template"));
    }
}

TEST_CASE("one user in common is enough to trust the names") {
    EvidenceBuilder builder(10);
    builder.grant("u1", "1").grant("u2", "2").grant("u3", "3");
    builder.row("u1", "1").row("x2", "8").row("x3", "9");
    CHECK(run("lost_claims", builder).verdict == Verdict::violated);
    CHECK(run("phantom_claims", builder).verdict == Verdict::violated);
}

TEST_CASE("rows of strangers are a finding where nobody was granted anything") {
    EvidenceBuilder builder(10);
    builder.refuse("u1").refuse("u2").refuse("u3").rows(3, "x", 1);
    CHECK(run("phantom_claims", builder).verdict == Verdict::violated);
}

TEST_CASE("two lost grants beside strangers are a finding, not another spelling") {
    EvidenceBuilder builder(10);
    builder.grant("u1", "1").grant("u2", "2");
    builder.row("x1", "8").row("x2", "9").row("x3", "10");
    CHECK(run("lost_claims", builder).verdict == Verdict::violated);
    CHECK(run("phantom_claims", builder).verdict == Verdict::violated);
}
