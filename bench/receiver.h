#pragma once

#include <mutex>
#include <vector>

#include "bench/http_loop.h"

namespace claimstorm::bench {

/// The body of every answer: a claim granted, in the manner of the services claimstorm speaks to.
constexpr const char* kGrantedBody = R"({"code":0,"id":1})";

/// A whole HTTP/1.1 answer with a JSON body.
std::string answer_text(int status, std::string_view body);

/// An HttpLoop that answers all the same and writes down when each request arrived.
class Receiver final : public RequestHandler {
  public:
    enum class Stamps : std::uint8_t {
        none,  ///< as cheap as it gets; requests are counted, their arrivals not kept
        all
    };
    explicit Receiver(Stamps stamps) : keeps_(stamps == Stamps::all), loop_(*this, keeps_) {}

    std::string url() const { return loop_.url(); }
    std::uint16_t port() const noexcept { return loop_.port(); }
    int connections() const noexcept { return loop_.connections(); }
    double cpu_s() const { return loop_.cpu_s(); }

    /// Forgets what has arrived. The first request from now on is answered as ever; the answers to
    /// the next `held` are kept back until that many have come, and then go out together: what
    /// follows is sent by clients whose connections are all open. Kept back for 3 s at most.
    void begin(std::size_t held = 0);

    /// When requests arrived since `begin`, the last byte of each, in the order of the loop. Keeps
    /// two million at most.
    std::vector<StampNs> arrivals() const;

  private:
    void on_request(HttpLoop& loop, ClientId client, StampNs arrived) override;
    StampNs on_round(HttpLoop& loop, StampNs now) override;

    bool keeps_;
    const std::string answer_ = answer_text(200, kGrantedBody);
    mutable std::mutex mutex_;
    std::vector<StampNs> arrivals_;
    std::size_t to_hold_ = 0;
    std::vector<ClientId> held_;
    StampNs held_since_ = 0;
    HttpLoop loop_;  // last: its thread uses all of the above
};

}  // namespace claimstorm::bench
