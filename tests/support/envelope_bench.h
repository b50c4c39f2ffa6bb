#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/flow_bench.h"

namespace claimstorm::test {

/// A row as an evidence query of a flow shows it.
struct EnvelopeRow {
    std::string user;
    std::string claim_id;
    std::int64_t ticket = 0;
    std::int64_t cents = 0;
};

/// The rows a query of the flow's evidence gives for the bench's campaign, sorted by ticket.
inline std::vector<EnvelopeRow> evidence_rows(const Bench& bench, const char* query) {
    std::string sql = bench.flow->evidence().at("mysql").at(query);
    sql.replace(sql.find("{campaign}"), std::string_view("{campaign}").size(), "?");
    MysqlConnection mysql(lab_stores().mysql);
    std::vector<EnvelopeRow> rows;
    mysql.for_each_row(sql, {bench.campaign.id}, [&](const MysqlRow& row) {
        rows.push_back({row.text("user"), row.text("claim_id"),
                        row.has("ticket") ? row.int64("ticket") : 0, row.int64("amount_cents")});
    });
    std::sort(rows.begin(), rows.end(), [](const EnvelopeRow& one, const EnvelopeRow& other) {
        return std::pair(one.ticket, one.claim_id) < std::pair(other.ticket, other.claim_id);
    });
    return rows;
}

inline std::vector<EnvelopeRow> winners(const Bench& bench) {
    return evidence_rows(bench, "claims");
}

inline std::vector<EnvelopeRow> payouts(const Bench& bench) {
    return evidence_rows(bench, "payouts");
}

/// "a:HB1 b:HB2": who has which envelope.
inline std::string who_has_what(const std::vector<EnvelopeRow>& rows) {
    std::string text;
    for (const EnvelopeRow& row : rows) {
        text += (text.empty() ? "" : " ") + row.user + ":" + row.claim_id;
    }
    return text;
}

inline std::int64_t sum_of(const std::vector<EnvelopeRow>& rows) {
    std::int64_t sum = 0;
    for (const EnvelopeRow& row : rows) sum += row.cents;
    return sum;
}

/// A claim on a thread and a context of its own.
inline std::future<ClaimResult> claim_beside(const Bench& bench, const std::string& user) {
    return std::async(std::launch::async, [&bench, user] {
        Context context(lab_stores(), nullptr);
        return bench.flow->claim(context, bench.campaign, user);
    });
}

/// Waits until a session of the database waits for another's row lock. Throws when none does.
inline void await_lock_wait() {
    MysqlConnection mysql(lab_stores().mysql);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    while (mysql
               .query_one("SELECT COUNT(*) FROM information_schema.INNODB_TRX"
                          " WHERE trx_state = 'LOCK WAIT'")
               ->int64(0) == 0) {
        if (std::chrono::steady_clock::now() > give_up) {
            throw std::runtime_error("nobody waits for a lock");
        }
        // InnoDB shows its transactions from a cache, made anew when nobody has looked for 100 ms.
        std::this_thread::sleep_for(std::chrono::milliseconds(120));
    }
}

/// A failure at a step, the first `times` times it is passed.
inline StepHook failing_at(std::string step, int times = 1) {
    return [step = std::move(step), left = std::make_shared<int>(times)](Context&,
                                                                         std::string_view passed) {
        if (passed == step && (*left)-- > 0) throw InjectedError("injected at " + step);
    };
}

/// The flow's background work, on a thread of its own, as the server runs it.
class Background {
  public:
    explicit Background(const Bench& bench, StepHook hook = {})
        : hook_(std::move(hook)),
          work_(bench.flow->background().at(0)),
          thread_([this](const std::stop_token& stop) {
              Context context(lab_stores(), &hook_);
              work_.run(context, stop);
          }) {}

    /// Whether it came true within some seconds.
    static bool until(const std::function<bool()>& is_true) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!is_true()) {
            if (std::chrono::steady_clock::now() > give_up) return false;
            std::this_thread::yield();
        }
        return true;
    }

  private:
    StepHook hook_;
    BackgroundWork work_;
    std::jthread thread_;
};

}  // namespace claimstorm::test
