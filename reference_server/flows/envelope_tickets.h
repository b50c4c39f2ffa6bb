#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reference_server/context.h"

namespace claimstorm::reference {

/// The tickets 1 … X of an event, given out by Redis, one a user:
///   cs:{campaign}:tickets   the highest ticket given, 0 at first; absent when Redis lost its data
///   cs:{campaign}:returned  a list: tickets given back, given out again before new ones
///   cs:{campaign}:holders   a hash: user -> "stored", or the token of his claim under way
///   cs:{campaign}:holds     a hash: token -> the ticket of a claim under way
/// Every change is one script that may be run again when its reply was lost.
struct TicketKeys {
    explicit TicketKeys(std::string_view campaign);

    std::string tickets;
    std::string returned;
    std::string holders;
    std::string holds;
};

/// What the table of claims knows: all that Redis is to hold at rest.
struct TicketsStored {
    std::int64_t highest = 0;
    std::vector<std::string> returned;  ///< tickets below the highest that nobody has
    std::vector<std::string> users;
};

/// Puts all keys to what is stored; nobody claims meanwhile.
void reset_tickets(RedisConnection& redis, std::string_view campaign, const TicketsStored& stored);

/// Brings what is stored back to a Redis that has lost its data, while others claim. Tickets of
/// claims under way are not in the table yet, so they may be given out again: the table has to
/// refuse them.
void restore_tickets(RedisConnection& redis, std::string_view campaign,
                     const TicketsStored& stored);

/// One claim's hold on a ticket: given back unless settled.
class TicketHold {
  public:
    enum Answer : std::int64_t { gone = 0, already = -1, lost = -2 };

    TicketHold(Context& context, std::string_view campaign, std::string_view user);
    /// What cannot be given back stays taken: rather one envelope left than one handed out twice.
    ~TicketHold();
    TicketHold(const TicketHold&) = delete;
    TicketHold& operator=(const TicketHold&) = delete;

    /// A ticket up to `last`, or an Answer. Throws RedisError.
    std::int64_t take(std::int64_t last);
    /// The claim is stored: its user is known to Redis from now on, also to one that has lost the
    /// hold meanwhile. A failure leaves the user with his token, which says as much.
    void settle();
    /// Somebody else's claim is stored with this ticket: let go of it, for another one.
    void drop();
    /// Nobody knows what became of the claim: the ticket stays taken.
    void keep() noexcept { maybe_held_ = false; }

  private:
    std::int64_t run(const Script& script, std::string_view last);

    Context& context_;
    TicketKeys keys_;
    std::string user_;
    std::string token_;
    bool maybe_held_ = false;
};

}  // namespace claimstorm::reference
