#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <queue>
#include <random>
#include <vector>

#include "bench/http_loop.h"

namespace claimstorm::bench {

/// How a RacyTarget behaves.
struct RacyOptions {
    std::chrono::microseconds window{200};  ///< from looking at the stock to taking from it
    /// From the claim's arrival to its answer, evenly distributed: what a service does besides.
    std::chrono::microseconds answer_min{0};
    std::chrono::microseconds answer_max{0};
};

/// A shop with the usual race and nothing else wrong: a claim looks at the stock when it arrives
/// and, when there is some, takes one a moment later. Whoever looks in between is granted one that
/// is not there.
class RacyTarget final : public RequestHandler {
  public:
    explicit RacyTarget(const RacyOptions& options)
        : options_(options), random_(kSeed), loop_(*this, false) {}

    std::string url() const { return loop_.url(); }

    /// A new sale. Claims beyond `claims_max` are told sold_out and do not count: a storm is as
    /// large as was agreed, whatever its sender goes on sending.
    void begin(int stock, int claims_max);

    /// Waits up to 2 s for the answers under way, then tells how many claims counted and how many
    /// were granted beyond the stock.
    struct Sale {
        int claims = 0;
        int excess = 0;
    };
    Sale end();

  private:
    enum class Act : std::uint8_t { take, grant, refuse };
    struct Due {
        StampNs at;
        Act act;
        ClientId client;
        bool operator>(const Due& other) const { return at > other.at; }
    };
    static constexpr unsigned kSeed = 1;

    void on_request(HttpLoop& loop, ClientId client, StampNs arrived) override;
    StampNs on_round(HttpLoop& loop, StampNs now) override;

    const RacyOptions options_;
    const std::string granted_ = answer_of(200);
    const std::string refused_ = answer_of(409);
    std::mutex mutex_;
    std::mt19937 random_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    int stock_ = 0;
    int stock_at_first_ = 0;
    int claims_ = 0;
    int claims_max_ = 0;
    int granted_count_ = 0;
    HttpLoop loop_;  // last: its thread uses all of the above

    static std::string answer_of(int status);
};

}  // namespace claimstorm::bench
