#include "bench/checks_judge.h"

#include <chrono>
#include <sys/resource.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checkers/check.h"
#include "model/error.h"
#include "scenarios/evidence_file.h"
#include "stores/evidence_reader.h"
#include "storm/figures.h"
#include "storm/history_file.h"

namespace claimstorm::bench {
namespace {

using Clock = std::chrono::steady_clock;

double peak_mb_so_far() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

/// Runs steps and notes what each took.
class Timer {
  public:
    explicit Timer(Judgement& judgement) : judgement_(judgement) {}

    template <typename Step>
    void run(const std::string& name, Step&& step) {
        const auto begin = Clock::now();
        step();
        const std::chrono::duration<double> took = Clock::now() - begin;
        judgement_.phases.push_back({name, took.count(), peak_mb_so_far()});
    }

  private:
    Judgement& judgement_;
};

EvidenceSpec spec_of(const Case& sale, const std::string& campaign) {
    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{
        parse_mysql_url(sale.mysql_url),
        {{"SELECT user_id AS user, id AS claim_id FROM claims WHERE campaign_id = {campaign}"}},
        {{"SELECT stock, remaining, sold_out FROM campaigns WHERE id = {campaign}"}}};
    spec.redis = RedisEvidenceSpec{parse_redis_url(sale.redis_url),
                                   {{{"GET", campaign + ":remaining"}}},
                                   {{RedisUsersKind::set, campaign + ":users"}}};
    return spec;
}

Snapshot baseline(const Sale& sale) {
    Snapshot before;
    before.ledger = Ledger{};
    before.cache_users = std::vector<UserId>{};
    before.stock = sale.claims;
    before.remaining = sale.claims;
    before.cache_remaining = sale.claims;
    before.sold_out = false;
    return before;
}

}  // namespace

double Judgement::seconds() const {
    double sum = 0;
    for (const Phase& phase : phases) sum += phase.seconds;
    return sum;
}

Judgement judge_here(const Case& of) {
    const Sale sale(of.claims);
    Judgement judgement;
    Timer timer(judgement);
    Evidence evidence;
    evidence.campaign.id = sale.campaign();
    evidence.campaign.stock = sale.claims;
    evidence.before = baseline(sale);
    evidence.settlement.settled = true;
    timer.run("read the history", [&] {
        HistoryContents contents =
            read_history(of.folder / kHistoryFile, evidence.users, evidence.texts);
        evidence.history = std::move(contents.history);
    });
    timer.run("read MariaDB and Redis", [&] {
        EvidenceReader reader(spec_of(of, sale.campaign()), evidence.campaign);
        evidence.after = reader.take(evidence.users, evidence.texts, &evidence.history.attempts);
    });
    if (of.save) {
        timer.run("write the evidence", [&] { write_evidence(of.folder, evidence); });
    }
    timer.run("storm figures", [&] { storm_figures(evidence.history); });
    std::vector<Finding> findings;
    for (const Check& check : all_checks()) {
        timer.run(std::string(check.name), [&] { findings.push_back(check.run(evidence)); });
        if (findings.back().verdict != Verdict::holds &&
            findings.back().verdict != Verdict::skipped) {
            fmt::print(stderr, "{}: {}\n", check.name, findings.back().summary);
        }
    }
    judgement.verdict = to_string(combine(findings, {}));
    return judgement;
}

std::string to_line(const Judgement& judgement) {
    nlohmann::ordered_json json = {{"verdict", judgement.verdict}};
    for (const Phase& phase : judgement.phases) {
        json["phases"].push_back(
            {{"name", phase.name}, {"seconds", phase.seconds}, {"peak_mb", phase.peak_mb}});
    }
    return json.dump();
}

Judgement judgement_from(const std::string& line) try {
    const nlohmann::json json = nlohmann::json::parse(line);
    Judgement judgement;
    judgement.verdict = json.at("verdict");
    for (const auto& phase : json.at("phases")) {
        judgement.phases.push_back({phase.at("name"), phase.at("seconds"), phase.at("peak_mb")});
    }
    return judgement;
} catch (const nlohmann::json::exception& error) {
    throw EnvironmentError(fmt::format("the judge said what cannot be read: {}", error.what()));
}

}  // namespace claimstorm::bench
