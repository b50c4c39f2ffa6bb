#include <algorithm>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "scenarios/evidence_file.h"
#include "scenarios/gates.h"
#include "scenarios/judge.h"
#include "scenarios/run_folder.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

Scenario scenario_of(std::uint32_t users, std::int64_t stock) {
    Scenario scenario;
    scenario.name = "n";
    scenario.campaign.stock = stock;
    scenario.storm.users = users;
    return scenario;
}

StormFigures figures_of(std::int64_t granted, std::int64_t sold_out) {
    StormFigures figures;
    figures.attempts = granted + sold_out;
    figures.outcomes[static_cast<std::size_t>(Outcome::granted)] = granted;
    figures.outcomes[static_cast<std::size_t>(Outcome::sold_out)] = sold_out;
    return figures;
}

Verdict verdict_of(const std::vector<Gate>& gates, const std::string& name) {
    for (const Gate& gate : gates) {
        if (gate.name == name) return gate.verdict;
    }
    return Verdict::skipped;
}

/// Evidence in which everything that can be read was read.
Evidence full_evidence() {
    Evidence evidence;
    evidence.settlement = {true, std::chrono::milliseconds(300), ""};
    evidence.lock_ttl = std::chrono::milliseconds(1500);
    const UserId first = evidence.users.intern("u1");
    const UserId second = evidence.users.intern("u,\"2\n");
    evidence.before.ledger = Ledger{};
    evidence.before.cache_remaining = std::int64_t{10};
    Ledger ledger;
    ledger.rows.push_back({first, evidence.texts.add("id1"), 7, 100});
    ledger.rows.push_back({second, kNoText, kNoNumber, kNoNumber});
    evidence.after.ledger = std::move(ledger);
    evidence.after.stock = std::int64_t{10};
    evidence.after.remaining = std::int64_t{-8};
    evidence.after.sold_out = true;
    evidence.before.payouts = Payouts{{{kNoText, 1, kNoUser}}};
    evidence.after.payouts =
        Payouts{{{evidence.texts.add("id1"), 100, second}, {kNoText, -5, kNoUser}}};
    evidence.after.cache_remaining = Unreadable{"redis.remaining: gone", true};
    evidence.after.cache_users = std::vector<UserId>{first, second};
    evidence.after.locks = std::vector<LockSeen>{{"lock:1", -1}};
    return evidence;
}

Evidence read_back(const std::filesystem::path& folder) {
    Evidence evidence;
    read_evidence(folder, evidence);
    return evidence;
}

}  // namespace

TEST_CASE("a run in which nothing was granted is inconclusive") {
    const Scenario scenario = scenario_of(10, 100);
    CHECK(verdict_of(built_in_gates(scenario, figures_of(0, 10)), "something_granted") ==
          Verdict::inconclusive);
    CHECK(verdict_of(built_in_gates(scenario, figures_of(1, 0)), "something_granted") ==
          Verdict::holds);
}

TEST_CASE("a run whose attempts did not all leave is inconclusive") {
    StormFigures figures = figures_of(5, 5);
    CHECK(verdict_of(built_in_gates(scenario_of(10, 5), figures), "everything_sent") ==
          Verdict::holds);
    figures.outcomes[static_cast<std::size_t>(Outcome::not_sent)] = 1;
    CHECK(verdict_of(built_in_gates(scenario_of(10, 5), figures), "everything_sent") ==
          Verdict::inconclusive);
}

TEST_CASE("with more users than stock, the stock's end must have been reached") {
    CHECK(verdict_of(built_in_gates(scenario_of(10, 5), figures_of(4, 0)), "sold_out_reached") ==
          Verdict::inconclusive);
    CHECK(verdict_of(built_in_gates(scenario_of(10, 5), figures_of(4, 1)), "sold_out_reached") ==
          Verdict::holds);
    CHECK(verdict_of(built_in_gates(scenario_of(10, 5), figures_of(5, 0)), "sold_out_reached") ==
          Verdict::holds);
    CHECK(verdict_of(built_in_gates(scenario_of(5, 5), figures_of(4, 0)), "sold_out_reached") ==
          Verdict::skipped);
}

TEST_CASE("a generator that missed its own schedule makes the run inconclusive") {
    const Scenario scenario = scenario_of(10, 5);  // timeout 2 s: the limit is 200 ms
    StormFigures figures = figures_of(5, 5);
    figures.send_lag_us_p99 = 200'000;
    CHECK(verdict_of(built_in_gates(scenario, figures), "schedule_kept") == Verdict::holds);
    figures.send_lag_us_p99 = 200'001;
    CHECK(verdict_of(built_in_gates(scenario, figures), "schedule_kept") == Verdict::inconclusive);
}

TEST_CASE("an open loop that ran out of connections was none") {
    Scenario scenario = scenario_of(100, 5);
    StormFigures figures = figures_of(5, 95);
    figures.waited = 2;
    CHECK(verdict_of(built_in_gates(scenario, figures), "connections_free") == Verdict::skipped);
    scenario.storm.arrival = ConstantRate{100};
    CHECK(verdict_of(built_in_gates(scenario, figures), "connections_free") ==
          Verdict::inconclusive);
    figures.waited = 1;
    CHECK(verdict_of(built_in_gates(scenario, figures), "connections_free") == Verdict::holds);
}

TEST_CASE("a gate compares as it is written, and what was never measured is inconclusive") {
    StormFigures figures = figures_of(5, 5);
    figures.latency_ms.p99 = 200;
    const auto judged = [&](const char* limit) {
        return judge_gates({{"latency_ms_p99", limit}}, figures).front().verdict;
    };
    CHECK(judged("< 200") == Verdict::violated);
    CHECK(judged("<= 200") == Verdict::holds);
    CHECK(judged("> 200") == Verdict::violated);
    CHECK(judged(">=200") == Verdict::holds);
    CHECK(judge_gates({{"time_to_sold_out_ms", "< 5"}}, figures).front().verdict ==
          Verdict::inconclusive);
    StormFigures unanswered;
    unanswered.attempts = 3;
    unanswered.outcomes[static_cast<std::size_t>(Outcome::unknown)] = 3;
    CHECK(judge_gates({{"latency_ms_p99", "< 5"}}, unanswered).front().verdict ==
          Verdict::inconclusive);
    CHECK(judge_gates({{"unknown_rate", "< 0.5"}}, unanswered).front().verdict ==
          Verdict::violated);
}

TEST_CASE("a damaged history is never green") {
    Evidence evidence = full_evidence();
    evidence.history.missing_tail = "the tail is missing";
    const Result result = judge(scenario_of(2, 10), 1, evidence, {});
    CHECK(verdict_of(result.gates, "history_complete") == Verdict::inconclusive);
    CHECK(result.verdict != Verdict::holds);
}

TEST_CASE("a run whose stores were never read is not judged green by its history alone") {
    Evidence evidence;
    evidence.audited = false;
    evidence.campaign.stock = 1;
    Attempt attempt;
    attempt.outcome = Outcome::granted;
    attempt.user = evidence.users.intern("u1");
    attempt.sent_ns = 1;
    attempt.done_ns = 2;
    evidence.history.attempts.push_back(attempt);
    const Result result = judge(scenario_of(1, 1), 1, evidence, {});
    CHECK(verdict_of(result.gates, "audit_done") == Verdict::inconclusive);
    CHECK(result.verdict == Verdict::inconclusive);
    evidence.audited = true;
    CHECK(judge(scenario_of(1, 1), 1, evidence, {}).verdict == Verdict::holds);
}

TEST_CASE("samples are judged wherever there are some, and missed only where they are required") {
    const auto has_check = [](bool watched, auto&& change) {
        Scenario scenario = scenario_of(10, 5);
        change(scenario);
        Evidence evidence = full_evidence();
        if (watched) evidence.samples.emplace();
        const Result result = judge(scenario, 1, evidence, {});
        CHECK(result.watch.has_value() == watched);
        return std::count_if(
            result.findings.begin(), result.findings.end(),
            [](const Finding& finding) { return finding.check == "live_balance"; });
    };
    const auto all = [](Scenario&) {};
    const auto one = [](Scenario& scenario) { scenario.checks = {"oversell"}; };
    const auto none = [](Scenario& scenario) { scenario.no_checks = true; };
    const auto required = [](Scenario& scenario) { scenario.require = {"live_balance"}; };
    const auto listed = [](Scenario& scenario) { scenario.checks = {"live_balance"}; };
    CHECK(has_check(false, all) == 0);
    CHECK(has_check(true, all) == 1);
    CHECK(has_check(false, one) == 0);
    CHECK(has_check(true, one) == 1);
    CHECK(has_check(true, none) == 0);
    CHECK(has_check(false, required) == 1);
    CHECK(has_check(true, required) == 1);
    CHECK(has_check(false, listed) == 1);
}

TEST_CASE("evidence reads back as it was written, what could not be read included") {
    const TemporaryFolder folder;
    write_evidence(folder.path, full_evidence());
    const Evidence evidence = read_back(folder.path);
    CHECK(evidence.settlement.settled);
    CHECK(evidence.settlement.waited == std::chrono::milliseconds(300));
    CHECK(evidence.lock_ttl == std::chrono::milliseconds(1500));
    REQUIRE(evidence.after.ledger.is_read());
    REQUIRE(evidence.after.ledger->rows.size() == 2);
    const ClaimRow& row = evidence.after.ledger->rows[0];
    CHECK(evidence.users.name(row.user) == "u1");
    CHECK(evidence.texts.view(row.claim_id) == "id1");
    CHECK(row.ticket == 7);
    CHECK(row.amount_cents == 100);
    CHECK(evidence.users.name(evidence.after.ledger->rows[1].user) == "u,\"2\n");
    CHECK(evidence.after.ledger->rows[1].ticket == kNoNumber);
    CHECK(*evidence.after.remaining == -8);
    REQUIRE(evidence.after.payouts->rows.size() == 2);
    const PayoutRow& payout = evidence.after.payouts->rows[0];
    CHECK(evidence.texts.view(payout.claim_id) == "id1");
    CHECK(payout.amount_cents == 100);
    CHECK(evidence.users.name(payout.user) == "u,\"2\n");
    CHECK(evidence.after.payouts->rows[1].claim_id == kNoText);
    CHECK(evidence.after.payouts->rows[1].amount_cents == -5);
    CHECK(evidence.after.payouts->rows[1].user == kNoUser);
    CHECK(evidence.before.payouts->rows.size() == 1);
    CHECK(*evidence.after.sold_out);
    CHECK(evidence.after.cache_remaining.is_absent());
    CHECK(evidence.after.cache_remaining.why() == "redis.remaining: gone");
    CHECK(evidence.after.cache_users->size() == 2);
    CHECK(evidence.after.locks->front().pttl_ms == -1);
    CHECK_FALSE(evidence.after.backlog.is_named());
    CHECK(evidence.before.ledger->rows.empty());
    CHECK(*evidence.before.cache_remaining == 10);
    CHECK_FALSE(evidence.before.cache_users.is_named());
}

TEST_CASE("a ledger with a flipped byte or a torn end accuses nobody: it is unreadable") {
    const TemporaryFolder folder;
    write_evidence(folder.path, full_evidence());
    const std::string whole = slurp(folder.path / "ledger.bin");
    for (std::size_t at = 20; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        spill(folder.path / "ledger.bin", damaged);
        INFO("byte " << at);
        CHECK_FALSE(read_back(folder.path).after.ledger.is_read());
        CHECK_FALSE(read_back(folder.path).after.payouts.is_read());
    }
    for (std::size_t length = 20; length < whole.size(); ++length) {
        spill(folder.path / "ledger.bin", whole.substr(0, length));
        CHECK_FALSE(read_back(folder.path).after.ledger.is_read());
    }
}

TEST_CASE("a ledger that is not the one evidence.json speaks of is unreadable") {
    const TemporaryFolder folder;
    write_evidence(folder.path, full_evidence());
    std::string text = slurp(folder.path / "evidence.json");
    text.replace(text.find("\"rows\": 2"), 9, "\"rows\": 3");
    spill(folder.path / "evidence.json", text);
    const Evidence evidence = read_back(folder.path);
    CHECK(evidence.after.ledger.why() == "ledger.bin holds 2 of 3 claims");
}

TEST_CASE("payouts that are not those evidence.json speaks of are unreadable") {
    const TemporaryFolder folder;
    write_evidence(folder.path, full_evidence());
    const std::string text = slurp(folder.path / "evidence.json");
    const std::size_t after = text.find("\"payouts\"", text.find("\"after\""));
    std::string other = text;
    other.replace(other.find("\"rows\": 2", after), 9, "\"rows\": 3");
    spill(folder.path / "evidence.json", other);
    CHECK(read_back(folder.path).after.payouts.why() == "ledger.bin holds 2 of 3 payouts");
}

TEST_CASE("a run folder from before there were payouts reads back without them") {
    const TemporaryFolder folder;
    Evidence old = full_evidence();
    old.before.payouts = {};
    old.after.payouts = {};
    write_evidence(folder.path, old);
    CHECK(slurp(folder.path / "evidence.json").find("payouts") == std::string::npos);
    const Evidence evidence = read_back(folder.path);
    CHECK(evidence.after.ledger->rows.size() == 2);
    CHECK_FALSE(evidence.after.payouts.is_named());
}

TEST_CASE("what is not a run folder is refused") {
    const TemporaryFolder folder;
    CHECK_THROWS_WITH(load_run(folder.path / "nope"), Catch::Contains("there is no run folder"));
    CHECK_THROWS_WITH(load_run(folder.path), Catch::Contains("is not a run folder"));
}

TEST_CASE("a run folder that was there before is left empty, as it was found") {
    const TemporaryFolder folder;
    {
        const RunFolder run(folder.path, "n");
        spill(run.path() / "scenario.json", "x");
    }
    CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("a run folder that is not kept goes away, one that is taken is never overwritten") {
    const TemporaryFolder folder;
    { const RunFolder run(folder.path / "a" / "b", "n"); }
    CHECK_FALSE(std::filesystem::exists(folder.path / "a" / "b"));
    {
        RunFolder run(folder.path / "a", "n");
        spill(run.path() / "file", "x");
        run.keep();
    }
    CHECK(std::filesystem::exists(folder.path / "a" / "file"));
    CHECK_THROWS_WITH(RunFolder(folder.path / "a", "n"), Catch::Contains("is not empty"));
}

TEST_CASE("an expectation is met by exactly what it names") {
    Result result;
    result.findings.resize(2);
    result.findings[0].check = "oversell";
    result.findings[0].verdict = Verdict::violated;
    result.findings[1].check = "duplicate_users";
    result.findings[1].verdict = Verdict::holds;
    std::string difference;
    CHECK(matches_expectation(result, {{"oversell"}}, difference));
    CHECK_FALSE(matches_expectation(result, {{}}, difference));
    CHECK(difference == "found, not expected: oversell");
    CHECK_FALSE(matches_expectation(result, {{"oversell", "duplicate_users"}}, difference));
    CHECK(difference == "not found: duplicate_users");
    result.findings[1].verdict = Verdict::inconclusive;
    CHECK_FALSE(matches_expectation(result, {{"oversell"}}, difference));
    CHECK(difference == "inconclusive: duplicate_users");
}
