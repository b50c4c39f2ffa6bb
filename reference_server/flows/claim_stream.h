#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/outcome.h"
#include "reference_server/context.h"

namespace claimstorm::reference {

/// A claim as it stands in its campaign's stream.
struct StreamEntry {
    std::string id;  ///< the stream's number for it: "1700000000000-0"
    std::string claim_id;
    std::string user;
    /// Which life of the campaign it belongs to; each time the campaign is created again is
    /// another one. Empty, as the two above, when somebody else has written or deleted the entry.
    std::string epoch;
};

/// An id for a new claim: nobody has it, nobody guesses it.
std::string new_claim_id(Context& context);
/// Whether it looks like one.
bool is_claim_id(std::string_view text) noexcept;

/// Where Redis keeps it.
struct StreamKeys {
    explicit StreamKeys(std::string_view campaign);

    std::string counter;  ///< units left
    std::string users;    ///< the set of those who have passed the gate
    std::string claims;   ///< a hash: claim id -> user, of claims not given back
    std::string stream;   ///< the claims whose fate is not stored yet
    std::string epoch;    ///< which life of the campaign all this belongs to
};

/// What Redis holds of one campaign whose claims go through a stream: the gate (counter, users, who
/// holds which claim id), the stream of accepted claims and its consumer group.
///
/// An entry stays in the stream until what became of it is stored: XLEN is the backlog. Consumers
/// find streams that have entries in one set of campaigns, which the gate and `settle` keep.
///
/// Needs Redis 6.2 for XAUTOCLAIM. All members throw RedisError.
class ClaimStream {
  public:
    ClaimStream(Context& context, std::string_view campaign);

    /// Puts all of it to its start, at once.
    void open(std::int64_t stock, std::string_view epoch);

    enum class Gate : std::int8_t { passed = 1, sold_out = 0, already = -1, not_open = -2 };
    /// The gate, one script: the user has not claimed and the counter is above zero; then the unit
    /// is taken and the claim is in the stream. A lost reply is asked for again: the same claim id
    /// is answered the same, and is in the stream once.
    Gate admit(std::string_view user, std::string_view claim_id);
    /// Whether that id has passed the gate and was not given back.
    bool knows(std::string_view claim_id);

    /// The oldest entry this consumer has read and not settled; none or one.
    std::vector<StreamEntry> read_unsettled(std::string_view consumer);
    /// Entries that nobody has read.
    std::vector<StreamEntry> read_new(std::string_view consumer, std::int64_t count);
    /// Takes over entries that another consumer read `idle` ago or earlier and did not settle.
    std::vector<StreamEntry> take_over(std::string_view consumer, std::int64_t count,
                                       std::chrono::milliseconds idle);
    /// How often the entry was handed to a consumer; 0 when it is settled, or lost with Redis.
    std::int64_t deliveries(const StreamEntry& entry);

    /// Acknowledges the entries and deletes them, at once. Repeating it changes nothing.
    void settle(const std::vector<StreamEntry>& entries);
    /// Settles a claim that was refused, and releases what it holds in the gate: once, however
    /// often this is said. With `rejected` the unit comes back. With `sold_out` it does not: the
    /// database had none left, so the counter was too high. Nor with `already_claimed`: the user
    /// has a claim that the gate had forgotten, with the unit; the user stays.
    void give_back(const StreamEntry& entry, Outcome refusal);

    /// Puts the campaign back into that set of campaigns, should it be missing there although its
    /// stream has entries: nobody would read them.
    void enlist();

    /// All entries, oldest first, `count` after the one called `after` ("" for the first ones).
    std::vector<StreamEntry> list(std::string_view after, std::int64_t count);

    const StreamKeys& keys() const noexcept { return keys_; }

    /// The campaigns whose streams have entries.
    static std::vector<std::string> with_entries(Context& context);

  private:
    std::vector<StreamEntry> read(std::string_view consumer, std::int64_t count,
                                  std::string_view from);
    void make_group();

    Context& context_;
    std::string campaign_;
    StreamKeys keys_;
};

}  // namespace claimstorm::reference
