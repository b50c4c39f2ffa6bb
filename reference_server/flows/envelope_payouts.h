#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "reference_server/context.h"

namespace claimstorm::reference {

/// Money that a claim has won and that is to be paid.
struct PayoutOrder {
    std::string campaign;
    std::string user;
    std::string claim_id;  ///< the envelope's serial
    std::int64_t amount_cents = 0;
};

/// Makes `payouts`, the payment service's book: one row a payment executed; and `envelope_orders`,
/// the outbox: one row a winner, which says what is to be paid and whether that is done. Its
/// primary key, campaign and user, is at the same time the guard against a user's second claim.
void create_payout_tables(MysqlConnection& mysql);

/// The payment service. It executes each payment it is asked for, at once and for good, unless it
/// has executed one with the same key before: then it changes nothing. An empty key is none.
void pay(MysqlConnection& mysql, const PayoutOrder& order, std::string_view idempotency_key);

/// Asks for the payment in the outbox, within the claim's transaction. False when the user has an
/// order already: one committed or, after waiting for it, one that was being written.
bool insert_order(MysqlConnection& mysql, std::string_view campaign, std::string_view user);
/// Completes the order, whose row the transaction holds since `insert_order`.
void complete_order(MysqlConnection& mysql, const PayoutOrder& order);
/// Whether the user has a committed order.
bool has_order(MysqlConnection& mysql, std::string_view campaign, std::string_view user);
/// Whether the user's order is this one, read behind whoever is still writing it. The amount
/// counts: where it is drawn within the transaction, another click of the same user may have been
/// given the same number with another amount.
bool is_ordered(MysqlConnection& mysql, const PayoutOrder& order);

/// The steps before and behind the payment service's execution of a payment.
struct PayoutSteps {
    std::string_view before = "before_payout";
    std::string_view after = "after_payout";
};

/// Pays what the order's row says, and marks it paid. However often it is done, after whatever went
/// wrong between the two, the payment is executed once: the envelope's serial is its key.
///
/// The campaign may be put to its start at any moment by another server on the same database: an
/// order whose row is gone is not paid, and none is marked paid whose payment is not in the book.
void pay_order(Context& context, const PayoutOrder& order, const PayoutSteps& steps = {});

/// Number and sum of the campaign's payments, as `close` shows them.
nlohmann::ordered_json payouts_made(MysqlConnection& mysql, std::string_view campaign);

/// mysql.payouts of a target file.
std::string payouts_query();

/// Pays from the outbox whatever has been there unpaid for `grace`: what was won before a crash as
/// well as what was won just now. An order that fails is tried again, with growing pauses, until it
/// is paid.
class OutboxPayer {
  public:
    explicit OutboxPayer(std::chrono::milliseconds grace, const PayoutSteps& steps = {})
        : grace_(grace), steps_(steps) {}

    /// The loop of a BackgroundWork.
    void run(Context& context, const std::stop_token& stop);
    /// While it is held nothing is being paid: a campaign may be put to its start.
    [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }

  private:
    /// Returns how many orders failed.
    std::size_t pay_some(Context& context);

    std::chrono::milliseconds grace_;
    PayoutSteps steps_;
    std::mutex mutex_;
};

/// Pays from a queue in memory, as the red-envelope article leaves it open: what is queued when the
/// process dies is never paid, and a payment whose answer is lost is tried again without a key.
class MemoryPayer {
  public:
    /// False when the queue is full: then the order is lost.
    bool push(PayoutOrder order);
    /// The loop of a BackgroundWork. An order is tried a few times, with growing pauses, then
    /// dropped. Steps: before_payout, after_payout.
    void run(Context& context, const std::stop_token& stop);
    /// Forgets the campaign's orders; afterwards none of them is being paid.
    void forget(std::string_view campaign);

  private:
    std::optional<PayoutOrder> take();
    static void pay_with_retries(Context& context, const PayoutOrder& order,
                                 const std::stop_token& stop);

    std::mutex paying_;  ///< held by the worker while it pays; taken before `mutex_`
    std::mutex mutex_;
    std::condition_variable_any arrived_;
    std::deque<PayoutOrder> orders_;
};

}  // namespace claimstorm::reference
