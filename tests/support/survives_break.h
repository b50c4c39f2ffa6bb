#pragma once

#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/error.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/flow_bench.h"

namespace claimstorm::test {

/// What a fault in a claim of "a" must not change, on a bench with a stock of 2: whoever tries
/// again ends with one row, and the rest is sold. `context` may be the one the fault has hit.
inline void check_sells_the_rest(Bench& bench, Context& context) {
    bench.claim(context, "a");
    CHECK(bench.claim(context, "b") == Outcome::granted);
    CHECK(bench.claim(context, "c") == Outcome::sold_out);
    const auto state = bench.state();
    CHECK(state.claims == 2);
    const bool is_unique = bench.entry.name == "coupon/lua-gate";
    CHECK(rows_of("bench", is_unique ? "unique_claims" : "claims").users == 2);
    CHECK(state.remaining == 0);
    CHECK(state.sold_out);
    CHECK(state.cache_remaining == 0);
}

inline bool has_lock(Bench& bench) {
    return !bench.context.redis().command({"KEYS", "cs:bench:lock*"}).elements().empty();
}

/// One claim whose connection to a store breaks at `text`, then others that sell the rest.
inline void check_survives_break(const std::string& flow,
                                 const std::vector<std::string>& flow_options, bool is_mysql,
                                 const std::string& text, DroppingProxy::When when) {
    INFO(flow << " " << fmt::format("{}", fmt::join(flow_options, " ")) << ": " << text
              << (when == DroppingProxy::When::before_effect ? " unheard" : " unanswered"));
    const StoreAddresses stores = lab_stores();
    DroppingProxy proxy(is_mysql ? stores.mysql.port : stores.redis.port);
    StoreAddresses through = stores;
    (is_mysql ? through.mysql.port : through.redis.port) = proxy.port();
    Bench bench(flow, 2, flow_options);
    Context context(through, nullptr);
    proxy.arm(text, when);
    Outcome outcome = Outcome::unknown;
    try {
        outcome = bench.claim(context, "a");
    } catch (const EnvironmentError&) {  // the client is told 500
    }
    REQUIRE(proxy.has_dropped());
    if (outcome == Outcome::granted) CHECK(bench.state().claims == 1);
    check_sells_the_rest(bench, context);
    CHECK_FALSE(has_lock(bench));
}

}  // namespace claimstorm::test
