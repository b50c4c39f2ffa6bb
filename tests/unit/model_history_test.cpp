#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "model/ledger.h"

namespace claimstorm::test {
namespace {

constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMany = 100'000;  // several blocks

bool same(const Attempt& left, const Attempt& right) {
    return left.user == right.user && left.number == right.number &&
           left.outcome == right.outcome && left.transport_error == right.transport_error &&
           left.http_status == right.http_status && left.due_ns == right.due_ns &&
           left.sent_ns == right.sent_ns && left.first_byte_ns == right.first_byte_ns &&
           left.done_ns == right.done_ns && left.waited == right.waited &&
           left.campaign == right.campaign && left.claim_id == right.claim_id &&
           left.ticket == right.ticket && left.amount_cents == right.amount_cents;
}

/// Ordinary values, and now and then one from the ends of its range.
class Source {
  public:
    Attempt attempt() {
        Attempt attempt;
        attempt.user = narrow<UserId>();
        attempt.number = narrow<std::uint16_t>();
        attempt.outcome = kOutcomes[random_() % kOutcomes.size()];
        attempt.transport_error = kTransportErrors[random_() % kTransportErrors.size()];
        attempt.http_status = narrow<std::uint16_t>();
        attempt.due_ns = wide();
        attempt.sent_ns = wide();
        attempt.first_byte_ns = wide();
        attempt.done_ns = wide();
        attempt.waited = random_() % 2 == 0;
        attempt.campaign = narrow<std::uint16_t>();
        attempt.claim_id = TextRef{static_cast<std::uint64_t>(wide())};
        attempt.ticket = wide();
        attempt.amount_cents = wide();
        return attempt;
    }
    std::int64_t wide() {
        constexpr std::int64_t kEnds[] = {kLeast, kLeast + 1, -1, 0, 1, kMost - 1, kMost};
        if (random_() % 4 == 0) return kEnds[random_() % std::size(kEnds)];
        return static_cast<std::int64_t>(random_() >> (random_() % 64));
    }
    template <typename T>
    T narrow() {
        return random_() % 4 == 0 ? std::numeric_limits<T>::max() : static_cast<T>(random_() % 9);
    }

  private:
    std::mt19937_64 random_{42};
};

/// What a storm of a hundred thousand users records at 10,000 a second.
Attempt ordinary(std::size_t i) {
    Attempt attempt;
    attempt.user = static_cast<UserId>(i * 7919 % kMany);
    attempt.outcome = i % 10 == 0 ? Outcome::sold_out : Outcome::granted;
    attempt.http_status = i % 10 == 0 ? 410 : 200;
    attempt.due_ns = static_cast<TimeNs>(i) * 100'000;
    attempt.sent_ns = attempt.due_ns + 20'000 + static_cast<TimeNs>(i % 977);
    attempt.first_byte_ns = attempt.sent_ns + 5'000'000 + static_cast<TimeNs>(i * 31 % 40'000'000);
    attempt.done_ns = attempt.first_byte_ns + 30'000;
    attempt.claim_id = TextRef{1 + 9 * i};
    return attempt;
}

}  // namespace

TEST_CASE("attempts come back as they were put in, whatever their values") {
    Source source;
    AttemptList list;
    std::vector<Attempt> plain;
    for (std::size_t i = 0; i < kMany; ++i) {
        plain.push_back(i % 3 == 0 ? source.attempt() : ordinary(i));
        list.push_back(plain.back());
    }
    REQUIRE(list.size() == plain.size());
    for (std::size_t i = 0; i < kMany; ++i) {
        if (!same(list[i], plain[i])) FAIL("attempt " << i << " differs");
    }
    CHECK(same(list.front(), plain.front()));
    CHECK(same(list.back(), plain.back()));
    CHECK(std::equal(list.begin(), list.end(), plain.begin(), plain.end(), same));
}

TEST_CASE("an attempt that is changed leaves the others as they were") {
    Source source;
    AttemptList list;
    std::vector<Attempt> plain;
    for (std::size_t i = 0; i < kMany; ++i) {
        plain.push_back(ordinary(i));
        list.push_back(plain.back());
    }
    for (std::size_t i = 0; i < kMany; i += 997) {
        plain[i] = source.attempt();
        list.set(i, plain[i]);
    }
    plain[5].done_ns = kNever;
    list.update(5, [](Attempt& attempt) { attempt.done_ns = kNever; });
    CHECK(std::equal(list.begin(), list.end(), plain.begin(), plain.end(), same));
}

TEST_CASE("attempts that were dropped leave nothing to those that come after them") {
    for (const std::size_t kept :
         {std::size_t{0}, std::size_t{7}, kMany / 2, std::size_t{65'536}}) {
        Source source;
        AttemptList list;
        for (std::size_t i = 0; i < kMany; ++i) list.push_back(source.attempt());
        list.truncate(kept);
        CHECK(list.size() == kept);
        for (std::size_t i = kept; i < kept + 40'000; ++i) list.push_back(ordinary(i));
        CHECK(list.size() == kept + 40'000);
        for (std::size_t i = kept; i < list.size(); ++i) {
            if (!same(list[i], ordinary(i))) FAIL("attempt " << i << " of " << kept << " differs");
        }
    }
}

TEST_CASE("a list that was copied or moved is the same list") {
    AttemptList list;
    for (std::size_t i = 0; i < kMany; ++i) list.push_back(ordinary(i));
    AttemptList copy = list;
    copy.update(0, [](Attempt& attempt) { attempt.user = 77; });
    CHECK(list[0].user == ordinary(0).user);
    const AttemptList moved = std::move(copy);
    CHECK(moved[0].user == 77);
    CHECK(same(moved.back(), ordinary(kMany - 1)));
}

TEST_CASE("an ordinary attempt takes at most 32 bytes, and nothing for what it does not have") {
    AttemptList list;
    for (std::size_t i = 0; i < kMany; ++i) list.push_back(ordinary(i));
    // The last block has room for more; what is full is what counts for long lists.
    constexpr std::size_t kFull = 98'304;
    list.truncate(kFull);
    CHECK(list.bytes() <= 32 * kFull);
    const std::size_t without = list.bytes();
    for (std::size_t i = 0; i < kFull; ++i) {
        list.update(i, [](Attempt& attempt) { attempt.ticket = 100'000; });
    }
    CHECK(list.bytes() > without + 2 * kFull);
    CHECK(list.bytes() < without + 4 * kFull);
}

TEST_CASE("an empty list takes next to nothing") {
    CHECK(AttemptList().bytes() == 0);
    AttemptList one;
    one.push_back(ordinary(1));
    CHECK(one.bytes() < 4096);
}

TEST_CASE("claim rows come back as they were put in, and take at most 9 bytes") {
    Source source;
    ClaimRowList wild;
    ClaimRowList ordinary_rows;
    std::vector<ClaimRow> plain;
    constexpr std::size_t kFull = 98'304;
    for (std::size_t i = 0; i < kFull; ++i) {
        plain.push_back({source.narrow<UserId>(),
                         TextRef{static_cast<std::uint64_t>(source.wide())}, source.wide(),
                         source.wide()});
        wild.push_back(plain.back());
        ordinary_rows.push_back(
            {static_cast<UserId>(i * 7919 % kFull), TextRef{1 + 9 * i}, kNoNumber, kNoNumber});
    }
    const auto same_row = [](const ClaimRow& left, const ClaimRow& right) {
        return left.user == right.user && left.claim_id == right.claim_id &&
               left.ticket == right.ticket && left.amount_cents == right.amount_cents;
    };
    CHECK(std::equal(wild.begin(), wild.end(), plain.begin(), plain.end(), same_row));
    CHECK(ordinary_rows.bytes() <= 9 * kFull);
}

TEST_CASE("every value has a code of its own, and none's is 0") {
    for (const std::int64_t base : {kLeast, kLeast / 2, std::int64_t{-1}, std::int64_t{0},
                                    std::int64_t{1}, kMost / 2, kMost}) {
        for (const std::int64_t none : {kLeast, std::int64_t{0}, kMost}) {
            CHECK(code_unless(none, none, base) == 0);
            for (const std::int64_t value :
                 {kLeast, kLeast + 1, kLeast / 2, std::int64_t{-1}, std::int64_t{0},
                  std::int64_t{1}, kMost / 2, kMost - 1, kMost}) {
                CHECK(value_unless(code_unless(value, none, base), none, base) == value);
                if (value != none) CHECK(code_unless(value, none, base) != 0);
            }
        }
    }
    CHECK(code_unless(100, kNever, 100) == 1);
    CHECK(code_unless(101, kNever, 100) == 3);
    CHECK(code_unless(99, kNever, 100) == 2);
}

}  // namespace claimstorm::test
