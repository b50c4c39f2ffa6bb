#include <memory>
#include <sstream>

#include <catch2/catch.hpp>

#include "storm/figures.h"
#include "storm/hgrm.h"
#include "storm/histogram.h"
#include "storm/random.h"

using namespace claimstorm;

namespace {

Attempt answered(UserId user, TimeNs due, TimeNs sent, TimeNs done, Outcome outcome) {
    Attempt attempt;
    attempt.user = user;
    attempt.due_ns = due;
    attempt.sent_ns = sent;
    attempt.first_byte_ns = done;
    attempt.done_ns = done;
    attempt.outcome = outcome;
    return attempt;
}

constexpr TimeNs kMs = 1'000'000;

}  // namespace

TEST_CASE("a histogram keeps every value to three digits, from nanoseconds to an hour") {
    const auto histogram = std::make_unique<Histogram>();
    for (const std::int64_t value :
         {0LL, 1LL, 1023LL, 1024LL, 2047LL, 2048LL, 2049LL, 123'456'789LL, 3'600'000'000'000LL}) {
        *histogram = Histogram();
        histogram->record(value);
        histogram->record(4'000'000'000'000LL);
        const std::int64_t read = histogram->quantile_ns(0.5);
        INFO("value " << value);
        CHECK(read >= value);
        CHECK(static_cast<double>(read - value) <= static_cast<double>(value) * 0.001);
    }
}

TEST_CASE("quantiles follow the definition: the smallest value that the share does not exceed") {
    const auto histogram = std::make_unique<Histogram>();
    for (int i = 1; i <= 1000; ++i) histogram->record(i);
    CHECK(histogram->quantile_ns(0.5) == 500);
    CHECK(histogram->quantile_ns(0.99) == 990);
    CHECK(histogram->quantile_ns(0.999) == 999);
    CHECK(histogram->quantile_ns(1) == 1000);
    CHECK(histogram->quantile_ns(0) == 1);
    CHECK(histogram->count() == 1000);
}

TEST_CASE("an empty histogram is zero, negative values count as zero, huge ones are kept") {
    const auto histogram = std::make_unique<Histogram>();
    CHECK(histogram->quantile_ns(0.99) == 0);
    histogram->record(-5);
    CHECK(histogram->max_ns() == 0);
    histogram->record(kNever);
    CHECK(histogram->count() == 2);
    CHECK(histogram->max_ns() == (std::int64_t{1} << 42) - 1);
}

TEST_CASE("merging two histograms is recording into one") {
    const auto one = std::make_unique<Histogram>();
    const auto left = std::make_unique<Histogram>();
    const auto right = std::make_unique<Histogram>();
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
        const auto value = static_cast<std::int64_t>(random.below(1'000'000'000));
        one->record(value);
        (i % 3 == 0 ? left : right)->record(value);
    }
    left->merge(*right);
    CHECK(left->count() == one->count());
    for (const double share : {0.1, 0.5, 0.99, 0.999, 1.0}) {
        CHECK(left->quantile_ns(share) == one->quantile_ns(share));
    }
}

TEST_CASE("latency counts from due, service time from sent") {
    History history;
    history.attempts = {answered(0, 0, 5 * kMs, 15 * kMs, Outcome::granted)};
    const StormFigures figures = storm_figures(history);
    CHECK(figures.latency_ms.max == Approx(15).epsilon(0.001));
    CHECK(figures.service_ms.max == Approx(10).epsilon(0.001));
    CHECK(figures.send_lag_us_p99 == Approx(5000).epsilon(0.001));
}

TEST_CASE(
    "an attempt that waited for a connection is the service's lateness, not the generator's") {
    History history;
    history.attempts = {answered(0, 0, 1 * kMs, 2 * kMs, Outcome::granted),
                        answered(1, 0, 90 * kMs, 95 * kMs, Outcome::sold_out)};
    history.attempts.update(1, [](Attempt& attempt) { attempt.waited = true; });
    const StormFigures figures = storm_figures(history);
    CHECK(figures.send_lag_us_p99 == Approx(1000).epsilon(0.001));
    CHECK(figures.release_spread_ms == 0);
    CHECK(figures.waited == 1);
    CHECK(figures.latency_ms.max == Approx(95).epsilon(0.001));
}

TEST_CASE("the release spread is from the first to the last send of what was due at once") {
    History history;
    history.attempts = {answered(0, 0, 2 * kMs, 9 * kMs, Outcome::granted),
                        answered(1, 0, 5 * kMs, 9 * kMs, Outcome::granted),
                        answered(2, 50 * kMs, 50 * kMs, 60 * kMs, Outcome::granted)};
    CHECK(storm_figures(history).release_spread_ms == Approx(3));
}

TEST_CASE("outcomes, users and the first sold out are counted from the attempts") {
    History history;
    history.attempts = {answered(0, 0, 0, 4 * kMs, Outcome::granted),
                        answered(0, 0, 0, 8 * kMs, Outcome::sold_out),
                        answered(2, 0, 0, 6 * kMs, Outcome::sold_out)};
    Attempt refused;
    refused.user = 3;
    refused.transport_error = TransportError::connect_refused;
    history.attempts.push_back(refused);
    const StormFigures figures = storm_figures(history);
    CHECK(figures.users == 3);
    CHECK(figures.attempts == 4);
    CHECK(figures.count(Outcome::granted) == 1);
    CHECK(figures.count(Outcome::sold_out) == 2);
    CHECK(figures.count(Outcome::not_sent) == 1);
    CHECK(figures.transport_errors[static_cast<std::size_t>(TransportError::none)] == 0);
    CHECK(figures.transport_errors[static_cast<std::size_t>(TransportError::connect_refused)] == 1);
    REQUIRE(figures.time_to_sold_out_ms.has_value());
    CHECK(*figures.time_to_sold_out_ms == Approx(6));
    CHECK(figures.duration_ms == Approx(8));
    CHECK(figures.attempts_per_s == Approx(3 / 0.008));
}

TEST_CASE("without an answer nothing is measured and nothing divides by zero") {
    History history;
    history.attempts.push_back(Attempt{});
    const StormFigures figures = storm_figures(history);
    CHECK(figures.attempts_per_s == 0);
    CHECK(figures.latency_ms.p99 == 0);
    CHECK_FALSE(figures.time_to_sold_out_ms.has_value());
}

TEST_CASE("a distribution is written as HdrHistogram's plotters read it") {
    const auto histogram = std::make_unique<Histogram>();
    for (int i = 1; i <= 1000; ++i) histogram->record(i * kMs);
    const std::string text = hgrm_text(*histogram);
    CHECK(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
    CHECK(text.find("     500.171 0.500000000000        500           2.00\n") !=
          std::string::npos);
    CHECK(text.find("    1000.000 1.000000000000       1000\n") != std::string::npos);
    CHECK(text.find("#[Mean    =      500.5") != std::string::npos);
    CHECK(text.find("StdDeviation   =      288.6") != std::string::npos);
    CHECK(text.find("#[Max     =     1000.000, Total count    =         1000]\n") !=
          std::string::npos);
    // Counts never fall, and each line's count is that of the values up to its own.
    std::istringstream lines(text.substr(text.find("\n\n") + 2));
    double value = 0;
    double share = 0;
    std::uint64_t count = 0;
    std::uint64_t previous = 0;
    double inverse = 0;
    int told = 0;
    while (lines >> value >> share >> count >> inverse) {
        CHECK(count >= previous);
        CHECK(static_cast<double>(count) >= share * 1000 - 1e-9);
        previous = count;
        ++told;
        if (share > 0.99) break;
    }
    CHECK(told > 25);
}

TEST_CASE("what each thread gathered comes to the same as one thread's") {
    History history;
    const auto left = std::make_unique<StormRecorder>();
    const auto right = std::make_unique<StormRecorder>();
    Random random(3);
    for (UserId user = 0; user < 500; ++user) {
        const auto sent = static_cast<TimeNs>(random.below(50 * kMs));
        Attempt attempt = answered(user % 400, 0, sent, sent + 7 * kMs,
                                   user % 3 == 0 ? Outcome::granted : Outcome::sold_out);
        attempt.waited = user % 5 == 0;
        history.attempts.push_back(attempt);
        (user % 2 == 0 ? left : right)->add(attempt);
    }
    left->merge(*right);
    const StormFigures apart = left->figures();
    const StormFigures whole = storm_figures(history);
    CHECK(apart.users == 400);
    CHECK(apart.users == whole.users);
    CHECK(apart.outcomes == whole.outcomes);
    CHECK(apart.waited == whole.waited);
    CHECK(apart.release_spread_ms == whole.release_spread_ms);
    CHECK(apart.latency_ms.p99 == whole.latency_ms.p99);
    CHECK(apart.time_to_sold_out_ms == whole.time_to_sold_out_ms);
}
