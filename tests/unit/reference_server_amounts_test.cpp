#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "reference_server/amounts.h"
#include "reference_server/flow.h"

using namespace claimstorm::reference;

namespace {

using Amounts = std::vector<std::int64_t>;

constexpr std::array kRight = {Split::double_mean, Split::line_cut};
constexpr std::array kWrong = {Split::float_shares, Split::repeated_cuts};

Amounts split(Split how, std::int64_t total, std::int64_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    return split_amounts(how, total, count, random);
}

std::int64_t sum_of(const Amounts& amounts) {
    return std::accumulate(amounts.begin(), amounts.end(), std::int64_t{0});
}

bool is_right(const Amounts& amounts, std::int64_t total, std::int64_t count) {
    return amounts.size() == static_cast<std::size_t>(count) && sum_of(amounts) == total &&
           *std::min_element(amounts.begin(), amounts.end()) >= 1;
}

/// The mean of each position over `draws` splits.
std::vector<double> means(Split how, std::int64_t total, std::int64_t count, int draws) {
    std::mt19937_64 random(20240214);
    Amounts sums(static_cast<std::size_t>(count));
    for (int i = 0; i < draws; ++i) {
        const Amounts amounts = split_amounts(how, total, count, random);
        for (std::size_t at = 0; at < sums.size(); ++at) sums[at] += amounts[at];
    }
    std::vector<double> result;
    result.reserve(sums.size());
    for (const std::int64_t sum : sums) result.push_back(static_cast<double>(sum) / draws);
    return result;
}

double chi_square(const std::vector<std::int64_t>& seen, double expected) {
    double sum = 0;
    for (const std::int64_t n : seen) {
        sum += (static_cast<double>(n) - expected) * (static_cast<double>(n) - expected) / expected;
    }
    return sum;
}

}  // namespace

TEST_CASE("each split has a name that leads back to it") {
    const auto names = split_names();
    CHECK(names ==
          std::vector<std::string>{"double-mean", "line-cut", "float-shares", "repeated-cuts"});
    for (const std::string& name : names) CHECK(to_string(split_from(name)) == name);
    CHECK_THROWS_AS(split_from("fair"), std::logic_error);
}

TEST_CASE("right splits: so many amounts, each a cent at least, the total to the cent") {
    for (const Split how : kRight) {
        for (std::int64_t count = 1; count <= 40; ++count) {
            for (const std::int64_t total :
                 {count, count + 1, 2 * count - 1, 2 * count, 3 * count + 1, 1000 * count + 7}) {
                for (std::uint64_t seed = 0; seed < 50; ++seed) {
                    const Amounts amounts = split(how, total, count, seed);
                    if (is_right(amounts, total, count)) continue;
                    FAIL(to_string(how) << " of " << total << " in " << count << ", seed " << seed);
                }
            }
        }
    }
}

TEST_CASE("right splits at the limits: one envelope, a cent for each, the largest budgets") {
    for (const Split how : kRight) {
        INFO(to_string(how));
        CHECK(split(how, 12345, 1, 1) == Amounts{12345});
        CHECK(split(how, 1, 1, 1) == Amounts{1});
        CHECK(split(how, 1000, 1000, 1) == Amounts(1000, 1));
        const std::int64_t most = std::numeric_limits<std::int64_t>::max();
        CHECK(is_right(split(how, most, 3, 1), most, 3));
        CHECK(is_right(split(how, most, 1000, 1), most, 1000));
    }
}

TEST_CASE("a million envelopes are split at once, however tight or rich the budget") {
    const std::int64_t count = 1'000'000;
    for (const Split how : kRight) {
        for (const std::int64_t total : {count, count + 1, count + count / 2, 2 * count - 1,
                                         2 * count, 1000 * count, count * count}) {
            INFO(to_string(how) << " of " << total);
            const auto began = std::chrono::steady_clock::now();
            CHECK(is_right(split(how, total, count, 7), total, count));
            // Generous for a busy machine; one that searches by chance would take hours.
            CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
        }
    }
}

TEST_CASE("what cannot be split is refused") {
    std::mt19937_64 random(1);
    for (const std::string& name : split_names()) {
        const Split how = split_from(name);
        CHECK_THROWS_AS(split_amounts(how, 9, 10, random), BadRequest);
        CHECK_THROWS_AS(split_amounts(how, 100, 0, random), BadRequest);
        CHECK_THROWS_AS(split_amounts(how, 100, -1, random), BadRequest);
        CHECK_THROWS_AS(split_amounts(how, 0, 1, random), BadRequest);
        CHECK_THROWS_AS(split_amounts(how, -5, 1, random), BadRequest);
    }
}

TEST_CASE("the same seed splits the same, another one otherwise") {
    for (const Split how : kRight) {
        CHECK(split(how, 10'000, 20, 5) == split(how, 10'000, 20, 5));
        CHECK(split(how, 10'000, 20, 5) != split(how, 10'000, 20, 6));
    }
}

TEST_CASE("the expectation does not depend on the position") {
    // 1234 in 12: 2*rest/left is hardly ever whole, and always rounding down would give the last
    // position 0.7 cents too much. A mean's standard error is below 0.3 cents at most positions.
    const std::int64_t total = 1234;
    const std::int64_t count = 12;
    const int draws = 200'000;
    for (const Split how : kRight) {
        std::mt19937_64 random(99);
        std::vector<double> squares(static_cast<std::size_t>(count));
        for (int i = 0; i < 20'000; ++i) {
            const Amounts amounts = split_amounts(how, total, count, random);
            for (std::size_t at = 0; at < squares.size(); ++at) {
                const double off =
                    static_cast<double>(amounts[at]) - static_cast<double>(total) / count;
                squares[at] += off * off / 20'000;
            }
        }
        // Each position's deviation in standard errors, squared and summed: chi-square, 12 degrees.
        double sum = 0;
        const auto mean = means(how, total, count, draws);
        for (std::size_t at = 0; at < mean.size(); ++at) {
            const double off = mean[at] - static_cast<double>(total) / count;
            sum += off * off / (squares[at] / draws);
        }
        INFO(to_string(how) << ": chi-square " << sum);
        CHECK(sum < 32.9);  // exceeded once in 1000
    }
}

TEST_CASE("double-mean draws every amount up to twice the mean alike") {
    // The first of 10 from 1000 cents: 1 to 199, each once in 199.
    std::mt19937_64 random(4);
    Amounts seen(199);
    for (int i = 0; i < 199'000; ++i) {
        const std::int64_t first = split_amounts(Split::double_mean, 1000, 10, random).front();
        REQUIRE((first >= 1 && first <= 199));
        ++seen[static_cast<std::size_t>(first - 1)];
    }
    CHECK(chi_square(seen, 1000) < 264.6);  // 198 degrees, exceeded once in 1000
}

TEST_CASE("double-mean in tight budgets keeps its expectation") {
    // 4 cents for 3: the limit is 2*4/3 - 1, which is 2 two times out of three and 1 otherwise.
    const auto mean = means(Split::double_mean, 4, 3, 200'000);
    for (const double m : mean) CHECK(m == Approx(4.0 / 3).margin(0.006));
}

TEST_CASE("line-cut takes each division of the total with the same probability") {
    // 7 cents for 3: 15 divisions by few cuts of many; 6 cents for 5: 5 by leaving one out.
    for (const auto& [total, count, divisions] :
         {std::tuple<int, int, int>{7, 3, 15}, {6, 5, 5}, {5, 3, 6}}) {
        std::mt19937_64 random(11);
        std::map<Amounts, std::int64_t> found;
        for (int i = 0; i < 1000 * divisions; ++i) {
            ++found[split_amounts(Split::line_cut, total, count, random)];
        }
        REQUIRE(found.size() == static_cast<std::size_t>(divisions));
        Amounts seen;
        seen.reserve(found.size());
        for (const auto& [division, n] : found) seen.push_back(n);
        INFO(total << " in " << count);
        CHECK(chi_square(seen, 1000) < 36.1);  // 14 degrees, exceeded once in 1000
    }
}

TEST_CASE("cuts that may coincide leave envelopes of no cents") {
    int with_empty = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const Amounts amounts = split(Split::repeated_cuts, 500, 100, seed);
        CHECK(amounts.size() == 100);
        CHECK(sum_of(amounts) == 500);
        if (std::count(amounts.begin(), amounts.end(), 0) > 0) ++with_empty;
    }
    CHECK(with_empty >= 199);  // without one: once in 20,000 splits
    CHECK(split(Split::repeated_cuts, 1, 1, 1) == Amounts{1});
}

TEST_CASE("rounded float shares of a tight budget leave the last with less than nothing") {
    int with_bad_last = 0;
    int with_negative_last = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const Amounts amounts = split(Split::float_shares, 60, 50, seed);
        CHECK(amounts.size() == 50);
        if (amounts.back() < 1) ++with_bad_last;
        if (amounts.back() < 0) ++with_negative_last;
        CHECK(*std::min_element(amounts.begin(), amounts.end() - 1) >= 1);
    }
    CHECK(with_bad_last > 195);
    CHECK(with_negative_last > 195);
}

TEST_CASE("rounded float shares of a large budget do not sum up to it") {
    int off = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        if (sum_of(split(Split::float_shares, 100'000'000, 100, seed)) != 100'000'000) ++off;
    }
    CHECK(off > 190);
}

TEST_CASE("the wrong splits look right in the small") {
    for (const Split how : kWrong) {
        INFO(to_string(how));
        int right = 0;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            if (is_right(split(how, 10'000, 5, seed), 10'000, 5)) ++right;
        }
        CHECK(right > 180);
    }
}
