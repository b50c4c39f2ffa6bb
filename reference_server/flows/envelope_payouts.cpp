#include "reference_server/flows/envelope_payouts.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/backoff.h"

namespace claimstorm::reference {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostQueued = 1'000'000;
constexpr int kPayAttempts = 5;
constexpr std::chrono::milliseconds kOutboxPause{20};

/// Pays with the order's row locked: whoever deletes it (orders first, payouts behind them) does so
/// before, and nothing is paid, or afterwards, and the payment goes the same way.
void pay_from_row(MysqlConnection& mysql, const PayoutOrder& order) {
    try {
        mysql.execute(
            "INSERT INTO payouts (campaign_id, user_id, claim_id, amount_cents, idempotency_key)"
            " SELECT campaign_id, user_id, claim_id, amount_cents, claim_id FROM envelope_orders"
            " WHERE campaign_id = ? AND user_id = ? AND claim_id = ? LOCK IN SHARE MODE",
            {order.campaign, order.user, order.claim_id});
    } catch (const MysqlError& error) {
        if (!is_duplicate_key(error)) throw;
    }
}

}  // namespace

void create_payout_tables(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS payouts ("
        " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " user_id VARBINARY(64) NOT NULL,"
        " claim_id VARCHAR(24) NOT NULL,"
        " amount_cents BIGINT NOT NULL,"
        " idempotency_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL,"
        " executed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " UNIQUE KEY campaign_key (campaign_id, idempotency_key)"
        ") ENGINE=InnoDB");
    // An order begins without an envelope: which one it is turns out later in the transaction.
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS envelope_orders ("
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " user_id VARBINARY(64) NOT NULL,"
        " claim_id VARCHAR(24) NULL,"
        " amount_cents BIGINT NULL,"
        " paid TINYINT(1) NOT NULL DEFAULT 0,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " PRIMARY KEY (campaign_id, user_id),"
        " KEY unpaid (paid, created_at)"
        ") ENGINE=InnoDB");
}

void pay(MysqlConnection& mysql, const PayoutOrder& order, std::string_view idempotency_key) {
    const MysqlValue key =
        idempotency_key.empty() ? MysqlValue(nullptr) : MysqlValue(idempotency_key);
    try {
        mysql.execute(
            "INSERT INTO payouts (campaign_id, user_id, claim_id, amount_cents, idempotency_key)"
            " VALUES (?, ?, ?, ?, ?)",
            {order.campaign, order.user, order.claim_id, order.amount_cents, key});
    } catch (const MysqlError& error) {
        if (!is_duplicate_key(error)) throw;
    }
}

bool insert_order(MysqlConnection& mysql, std::string_view campaign, std::string_view user) {
    try {
        mysql.execute("INSERT INTO envelope_orders (campaign_id, user_id) VALUES (?, ?)",
                      {campaign, user});
        return true;
    } catch (const MysqlError& error) {
        if (!is_duplicate_key(error)) throw;
        return false;
    }
}

void complete_order(MysqlConnection& mysql, const PayoutOrder& order) {
    mysql.execute(
        "UPDATE envelope_orders SET claim_id = ?, amount_cents = ?"
        " WHERE campaign_id = ? AND user_id = ?",
        {order.claim_id, order.amount_cents, order.campaign, order.user});
}

bool has_order(MysqlConnection& mysql, std::string_view campaign, std::string_view user) {
    return mysql
        .query_one("SELECT 1 FROM envelope_orders WHERE campaign_id = ? AND user_id = ?",
                   {campaign, user})
        .has_value();
}

bool is_ordered(MysqlConnection& mysql, const PayoutOrder& order) {
    const auto row = mysql.query_one(
        "SELECT claim_id, amount_cents FROM envelope_orders WHERE campaign_id = ? AND user_id = ?"
        " LOCK IN SHARE MODE",
        {order.campaign, order.user});
    return row && !row->is_null("claim_id") && row->text("claim_id") == order.claim_id &&
           row->int64("amount_cents") == order.amount_cents;
}

void pay_order(Context& context, const PayoutOrder& order, const PayoutSteps& steps) {
    context.step(steps.before);
    pay_from_row(context.mysql(), order);
    context.step(steps.after);
    context.mysql().execute(
        "UPDATE envelope_orders SET paid = 1"
        " WHERE campaign_id = ? AND user_id = ? AND claim_id = ? AND EXISTS ("
        " SELECT 1 FROM payouts WHERE campaign_id = ? AND idempotency_key = ? AND user_id = ?)",
        {order.campaign, order.user, order.claim_id, order.campaign, order.claim_id, order.user});
}

nlohmann::ordered_json payouts_made(MysqlConnection& mysql, std::string_view campaign) {
    const auto row = mysql.query_one(
        "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(amount_cents), 0) AS SIGNED) AS cents"
        " FROM payouts WHERE campaign_id = ?",
        {campaign});
    return {{"payouts", row->int64("n")}, {"paid_cents", row->int64("cents")}};
}

std::string payouts_query() {
    return "SELECT user_id AS user, claim_id, amount_cents FROM payouts WHERE campaign_id = "
           "{campaign}";
}

void OutboxPayer::run(Context& context, const std::stop_token& stop) {
    std::optional<Backoff> failing;
    while (!stop.stop_requested()) {
        if (pay_some(context) == 0) {
            failing.reset();
            std::this_thread::sleep_for(kOutboxPause);
        } else {
            if (!failing) failing.emplace(context.random(), 5ms, 120ms);
            std::this_thread::sleep_for(failing->next());
        }
    }
}

std::size_t OutboxPayer::pay_some(Context& context) {
    const auto nobody_resets = hold();
    const auto rows = context.mysql().query(
        "SELECT campaign_id, user_id, claim_id, amount_cents FROM envelope_orders"
        " WHERE paid = 0 AND claim_id IS NOT NULL"
        " AND created_at <= NOW(6) - INTERVAL ? MICROSECOND LIMIT 32",
        {std::chrono::microseconds(grace_).count()});
    std::size_t failed = 0;
    for (const MysqlRecord& row : rows) {
        try {
            pay_order(context,
                      {row.text("campaign_id"), row.text("user_id"), row.text("claim_id"),
                       row.int64("amount_cents")},
                      steps_);
        } catch (const std::exception&) {
            ++failed;  // it stays in the outbox
        }
    }
    return failed;
}

bool MemoryPayer::push(PayoutOrder order) {
    const std::lock_guard lock(mutex_);
    if (orders_.size() >= kMostQueued) return false;
    orders_.push_back(std::move(order));
    arrived_.notify_one();
    return true;
}

void MemoryPayer::run(Context& context, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock(mutex_);
            arrived_.wait_for(lock, stop, 50ms, [&] { return !orders_.empty(); });
        }
        const std::lock_guard nobody_resets(paying_);
        if (const auto order = take()) pay_with_retries(context, *order, stop);
    }
}

void MemoryPayer::forget(std::string_view campaign) {
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(orders_,
                      [&](const PayoutOrder& order) { return order.campaign == campaign; });
    }
    const std::lock_guard the_one_in_hand_is_paid(paying_);
}

std::optional<PayoutOrder> MemoryPayer::take() {
    const std::lock_guard lock(mutex_);
    if (orders_.empty()) return std::nullopt;
    PayoutOrder order = std::move(orders_.front());
    orders_.pop_front();
    return order;
}

void MemoryPayer::pay_with_retries(Context& context, const PayoutOrder& order,
                                   const std::stop_token& stop) {
    Backoff backoff(context.random(), 5ms, 100ms);
    for (int attempt = 1; attempt <= kPayAttempts && !stop.stop_requested(); ++attempt) {
        try {
            context.step("before_payout");
            pay(context.mysql(), order, {});
            context.step("after_payout");
            return;
        } catch (const std::exception&) {
            if (attempt < kPayAttempts) std::this_thread::sleep_for(backoff.next());
        }
    }
}

}  // namespace claimstorm::reference
