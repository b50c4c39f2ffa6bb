#pragma once

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/flow_bench.h"

namespace claimstorm::test {

/// A Bench whose campaign nobody has had before. Where a row was deleted and not yet purged, InnoDB
/// locks that instead of the gap where the row is missing: which locks meet would be left to luck.
struct FreshBench : Bench {
    explicit FreshBench(const std::string& name, std::int64_t stock,
                        const std::vector<std::string>& options = {})
        : Bench(name, stock, options) {
        static int made = 0;
        campaign.id = "fresh" + std::to_string(++made);
        flow->prepare(context, campaign);
    }
};

/// A counter of SHOW GLOBAL STATUS.
inline std::int64_t server_status(MysqlConnection& mysql, const std::string& name) {
    const auto row = mysql.query_one(
        "SELECT VARIABLE_VALUE AS n FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = ?",
        {name});
    if (!row) throw std::runtime_error("the server has no status " + name);
    return std::stoll(row->text("n"));
}

/// Asks again and again, for at most 20 s, until it is so.
template <typename Condition>
void wait_until(const char* what, const Condition& is_so) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() >= give_up) {
            throw std::runtime_error(std::string("waited in vain until ") + what);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

/// Waits until that many transactions wait for a row. (INNODB_TRX would show it too, but not to one
/// who asks more often than every 100 ms.)
inline void wait_for_lock_waits(MysqlConnection& mysql, std::int64_t count) {
    wait_until("transactions wait for a lock",
               [&] { return server_status(mysql, "INNODB_ROW_LOCK_CURRENT_WAITS") >= count; });
}

/// Another session that has a lock the claims want.
class Rival {
  public:
    /// Opens a transaction and takes the lock.
    explicit Rival(const std::string& lock)
        : mysql_(lab_stores().mysql), status_(lab_stores().mysql) {
        mysql_.execute_text("START TRANSACTION");
        // InnoDB rolls back who has written less: that must not be this one.
        for (int i = 0; i < 50; ++i) {
            mysql_.execute("INSERT INTO claims (campaign_id, user_id) VALUES ('rival', 'x')");
        }
        mysql_.execute(lock);
    }
    /// Once a claim waits for that lock, asks for one the claim has: a deadlock.
    void cross(const std::string& lock) {
        wait_for_lock_waits(status_, 1);
        mysql_.execute(lock);
        mysql_.execute_text("ROLLBACK");
    }
    /// Lets go once that many more waits for a row have begun than before.
    void hold_until_waits(std::int64_t before, std::int64_t more) {
        wait_until("the claim waits anew", [&] { return waits() >= before + more; });
        mysql_.execute_text("ROLLBACK");
    }
    std::int64_t waits() { return server_status(status_, "INNODB_ROW_LOCK_WAITS"); }
    std::int64_t deadlocks() { return server_status(status_, "INNODB_DEADLOCKS"); }

  private:
    MysqlConnection mysql_;
    MysqlConnection status_;
};

/// One claim on a thread of its own.
class ClaimInBackground {
  public:
    ClaimInBackground(const Bench& bench, std::string user,
                      const StoreAddresses& stores = lab_stores(), StepHook hook = {})
        : hook_(std::move(hook)), thread_([this, &bench, user = std::move(user), stores] {
              try {
                  Context context(stores, &hook_);
                  outcome_ = bench.claim(context, user);
              } catch (const std::exception&) {  // outcome unknown, as its client is told
              }
          }) {}

    ClaimInBackground(const ClaimInBackground&) = delete;
    ClaimInBackground& operator=(const ClaimInBackground&) = delete;

    Outcome outcome() {
        if (thread_.joinable()) thread_.join();
        return outcome_;
    }

  private:
    Outcome outcome_ = Outcome::unknown;
    StepHook hook_;
    std::jthread thread_;
};

}  // namespace claimstorm::test
