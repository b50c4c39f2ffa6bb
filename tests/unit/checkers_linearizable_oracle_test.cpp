#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include <catch2/catch.hpp>

#include "checkers/linear_order.h"
#include "tests/support/evidence_builder.h"
#include "tests/support/sanitized.h"

namespace claimstorm::test {
namespace {

constexpr int kHistories = kSanitized ? 5'000 : 60'000;

/// How many histories each mix is asked for: fewer where the tests are run many times over.
int how_many() {
    constexpr int kFew = 3'000;
    return std::getenv("CLAIMSTORM_TEST_REPEATS") == nullptr ? kHistories : kFew;
}

/// Tries every order in which the attempts can have taken effect, and every choice an attempt
/// without an answer had. Slow, and meant to be read: no step of it is shared with the check.
class Oracle {
  public:
    Oracle(const Evidence& evidence, Failed failed)
        : campaign_(evidence.campaign),
          attempts_(evidence.history.attempts),
          may_give_back_(failed == Failed::may_give_back),
          ranks_(campaign_.ordered_tickets && campaign_.gap_free_tickets),
          state_(attempts_.size(), State::open),
          claims_(evidence.users.size()) {}

    bool finds_an_order() { return go_on(0); }

  private:
    enum class State : std::uint8_t { open, holds_unit, holds_name, over };
    struct Claim {
        bool exists = false;
        std::uint64_t id = 0;  // 0: of an attempt that was never answered
        std::int64_t ticket = 0;
    };

    /// `now` is the earliest instant at which the next attempt may take effect.
    bool go_on(TimeNs now) {
        bool all_answered_are_over = true;
        for (std::size_t at = 0; at < attempts_.size(); ++at) {
            if (state_[at] == State::over || is_open_ended(attempts_[at].outcome)) continue;
            all_answered_are_over = false;
            if (attempts_[at].done_ns < now) return false;  // too late for this one
        }
        if (all_answered_are_over) return true;
        for (std::size_t at = 0; at < attempts_.size(); ++at) {
            if (state_[at] != State::over && try_attempt(at, now)) return true;
        }
        return false;
    }

    static bool is_open_ended(Outcome outcome) {
        return outcome != Outcome::granted && outcome != Outcome::sold_out &&
               outcome != Outcome::already_claimed;
    }

    bool try_attempt(std::size_t at, TimeNs now) {
        const Attempt& attempt = attempts_[at];
        // The unit is given back first, the mark that its user has claimed with it or later.
        if (state_[at] == State::holds_unit && then(at, State::holds_name, now)) return true;
        if (state_[at] != State::open) return then(at, State::over, now);
        const TimeNs instant = std::max(now, attempt.sent_ns);
        if (!is_open_ended(attempt.outcome) && instant > attempt.done_ns) return false;
        Claim& claim = claims_[attempt.user];
        switch (attempt.outcome) {
            case Outcome::granted:
                return try_grant(at, claim, instant);
            case Outcome::sold_out:
                if (taken() < campaign_.stock) return false;
                if (campaign_.duplicates_first && claim.exists) return false;
                return then(at, State::over, instant);
            case Outcome::already_claimed:
                return (claim.exists || is_held(attempt.user)) && then(at, State::over, instant);
            case Outcome::unknown:
            case Outcome::pending:
                if (!claim.exists && taken() < campaign_.stock) {
                    claim = {true, 0, claims_made() + 1};
                    if (then(at, State::over, instant)) return true;
                    claim = {};
                }
                break;
            case Outcome::throttled:
            case Outcome::rejected:
                break;
            case Outcome::not_sent:
                return false;
        }
        if (!may_give_back_) return false;
        if (taken() < campaign_.stock && then(at, State::holds_unit, instant)) return true;
        return then(at, State::holds_name, instant);
    }

    bool try_grant(std::size_t at, Claim& claim, TimeNs instant) {
        const auto id = static_cast<std::uint64_t>(attempts_[at].claim_id);
        const Claim was = claim;
        if (!claim.exists) {
            if (taken() >= campaign_.stock) return false;
            claim = {true, id, claims_made() + 1};
        } else if (claim.id == 0) {
            claim.id = id;
        }
        const bool fits = claim.id == id && (!ranks_ || claim.ticket == attempts_[at].ticket);
        if (fits && then(at, State::over, instant)) return true;
        claim = was;
        return false;
    }

    bool then(std::size_t at, State state, TimeNs instant) {
        const State was = state_[at];
        state_[at] = state;
        if (go_on(instant)) return true;
        state_[at] = was;
        return false;
    }

    std::int64_t claims_made() const {
        return std::count_if(claims_.begin(), claims_.end(),
                             [](const Claim& claim) { return claim.exists; });
    }
    std::int64_t taken() const {
        return claims_made() + std::count(state_.begin(), state_.end(), State::holds_unit);
    }
    bool is_held(UserId user) const {
        for (std::size_t at = 0; at < attempts_.size(); ++at) {
            const bool holds = state_[at] == State::holds_unit || state_[at] == State::holds_name;
            if (holds && attempts_[at].user == user) return true;
        }
        return false;
    }

    const Campaign& campaign_;
    const AttemptList& attempts_;
    bool may_give_back_;
    bool ranks_;
    std::vector<State> state_;
    std::vector<Claim> claims_;
};

/// What a random history is made of.
struct Mix {
    std::array<int, kOutcomes.size()> weights{};  // by Outcome
    int attempts = 6;
    int users = 4;
    int most_stock = 3;
    bool one_attempt_a_user = false;
    bool tickets = false;
    bool duplicates_first = false;
};

class Histories {
  public:
    Histories(const Mix& mix, std::uint32_t seed) : mix_(mix), random_(seed) {}

    Evidence next() {
        EvidenceBuilder story = storm(between(0, mix_.most_stock));
        const int number = between(1, mix_.one_attempt_a_user ? mix_.users : mix_.attempts);
        std::discrete_distribution<int> outcomes(mix_.weights.begin(), mix_.weights.end());
        for (int at = 0; at < number; ++at) {
            const int user = mix_.one_attempt_a_user ? at : between(1, mix_.users);
            const auto outcome = static_cast<Outcome>(outcomes(random_));
            story.attempt("u" + std::to_string(user), outcome);
            story.change_last([&](Attempt& attempt) {
                attempt.sent_ns = between(0, 9);
                if (is_indeterminate(outcome)) return;
                attempt.done_ns = attempt.sent_ns + between(0, 4);
                if (outcome == Outcome::granted) attempt.claim_id = id_of(user, story);
            });
        }
        Evidence& evidence = story.raw();
        if (mix_.tickets) hand_out_tickets(evidence);
        evidence.campaign.duplicates_first = mix_.duplicates_first;
        return evidence;
    }

  private:
    int between(int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random_);
    }

    /// Mostly one id a user.
    TextRef id_of(int user, EvidenceBuilder& story) {
        const std::string id = std::to_string(user) + (between(0, 9) == 0 ? "b" : "a");
        auto& evidence = story.raw();
        for (const Attempt& attempt : evidence.history.attempts) {
            if (evidence.texts.view(attempt.claim_id) == id) return attempt.claim_id;
        }
        return evidence.texts.add(id);
    }

    /// Mostly in the order in which the grants began, with some numbers left out or swapped.
    void hand_out_tickets(Evidence& evidence) {
        evidence.campaign.ordered_tickets = true;
        evidence.campaign.gap_free_tickets = true;
        AttemptList& attempts = evidence.history.attempts;
        std::vector<std::size_t> granted;
        for (std::size_t at = 0; at < attempts.size(); ++at) {
            if (attempts[at].outcome == Outcome::granted) granted.push_back(at);
        }
        std::shuffle(granted.begin(), granted.end(), random_);
        if (between(0, 2) > 0) {
            std::sort(granted.begin(), granted.end(), [&](std::size_t left, std::size_t right) {
                return attempts[left].sent_ns < attempts[right].sent_ns;
            });
        }
        std::int64_t ticket = between(0, 9) == 0 ? between(-1, 1) : 1;
        for (const std::size_t at : granted) {
            if (between(0, 4) == 0) ++ticket;
            attempts.update(at, [ticket](Attempt& attempt) { attempt.ticket = ticket; });
            if (between(0, 15) > 0) ++ticket;
        }
    }

    Mix mix_;
    std::mt19937 random_;
};

std::string in_words(const Evidence& evidence) {
    std::ostringstream text;
    text << "stock " << evidence.campaign.stock << "\n";
    for (const Attempt& attempt : evidence.history.attempts) {
        text << evidence.users.name(attempt.user) << " " << to_string(attempt.outcome) << " ["
             << attempt.sent_ns << ", ";
        if (attempt.done_ns != kNever) text << attempt.done_ns;
        text << "] " << evidence.texts.view(attempt.claim_id);
        if (attempt.ticket != kNoNumber) text << " ticket " << attempt.ticket;
        text << "\n";
    }
    return text.str();
}

struct Agreement {
    int possible = 0;
    int impossible = 0;
    std::map<OrderBreak::Why, int> why;
    int disagreed = 0;
    int accused_wrongly = 0;
    std::string missed;  // an impossible history that was not found
};

Agreement compare(const Mix& mix, Failed failed, std::uint32_t seed) {
    Histories histories(mix, seed);
    Agreement agreement;
    const int number = how_many();
    for (int i = 0; i < number; ++i) {
        const Evidence evidence = histories.next();
        const bool possible = Oracle(evidence, failed).finds_an_order();
        const auto found = find_break(order_question(evidence), failed);
        ++(possible ? agreement.possible : agreement.impossible);
        if (found) ++agreement.why[found->why];
        if (possible == !found.has_value()) continue;
        ++agreement.disagreed;
        if (!found) {
            agreement.missed = in_words(evidence);
            continue;
        }
        ++agreement.accused_wrongly;
        UNSCOPED_INFO("seed " << seed << ", history " << i << "\n" << in_words(evidence));
        CHECK(agreement.accused_wrongly == 0);
        if (agreement.accused_wrongly > 3) break;
    }
    return agreement;
}

// In the order of the outcomes: granted, sold_out, already_claimed, throttled, rejected, pending,
// unknown, not_sent.
constexpr std::array kAnswers = {8, 3, 3, 0, 0, 0, 0, 0};
constexpr std::array kSomeUnanswered = {6, 3, 3, 0, 0, 1, 3, 1};
constexpr std::array kSomeFailed = {6, 3, 2, 1, 1, 1, 2, 0};

bool enough(int number) {
    return number >= how_many() / 100;
}

}  // namespace

TEST_CASE("a history holds exactly where a search over all orders finds one", "[slow]") {
    using Why = OrderBreak::Why;
    for (const auto& weights : {kAnswers, kSomeUnanswered}) {
        const Agreement agreement = compare({weights, 6, 4}, Failed::keeps_or_nothing, 20261122);
        INFO(agreement.missed);
        CHECK(agreement.disagreed == 0);
        CHECK(enough(agreement.possible));
        CHECK(enough(agreement.impossible));
        for (const Why why : {Why::two_claims, Why::too_many, Why::unexplained_duplicate, Why::late,
                              Why::too_few}) {
            INFO(static_cast<int>(why));
            CHECK(enough(agreement.why.at(why)));
        }
    }
}

TEST_CASE("where duplicates are told first, holders told sold_out are impossible", "[slow]") {
    Mix mix{kSomeUnanswered, 6, 3};
    mix.duplicates_first = true;
    const Agreement agreement = compare(mix, Failed::keeps_or_nothing, 3);
    INFO(agreement.missed);
    CHECK(agreement.disagreed == 0);
    CHECK(enough(agreement.possible));
    CHECK(enough(agreement.why.at(OrderBreak::Why::refused_holder)));
}

TEST_CASE("with tickets that are ranks, one attempt a user, the scan from the top is exact",
          "[slow]") {
    using Why = OrderBreak::Why;
    Mix mix{{8, 2, 0, 0, 0, 0, 3, 0}, 6, 6};
    mix.tickets = true;
    mix.one_attempt_a_user = true;
    mix.most_stock = 6;
    const Agreement agreement = compare(mix, Failed::keeps_or_nothing, 5);
    INFO(agreement.missed);
    CHECK(agreement.disagreed == 0);
    CHECK(enough(agreement.possible));
    for (const Why why : {Why::ticket_outside, Why::ticket_order, Why::ticket_missing}) {
        INFO(static_cast<int>(why));
        CHECK(enough(agreement.why.at(why)));
    }
}

TEST_CASE("with tickets and second clicks nothing possible is called impossible", "[slow]") {
    Mix mix{kSomeUnanswered, 5, 4};
    mix.tickets = true;
    const Agreement agreement = compare(mix, Failed::keeps_or_nothing, 7);
    CHECK(agreement.accused_wrongly == 0);
    CHECK(agreement.disagreed < agreement.impossible / 20);
    CHECK(enough(agreement.possible));
}

TEST_CASE("where failed attempts may give units back, the count decides exactly", "[slow]") {
    const Agreement agreement = compare({kSomeFailed, 5, 4}, Failed::may_give_back, 11);
    INFO(agreement.missed);
    CHECK(agreement.disagreed == 0);
    CHECK(enough(agreement.possible));
    CHECK(enough(agreement.why.at(OrderBreak::Why::late)));
    CHECK(enough(agreement.why.at(OrderBreak::Why::too_few)));

    Mix duplicates_first{kSomeFailed, 5, 3};
    duplicates_first.duplicates_first = true;
    CHECK(compare(duplicates_first, Failed::may_give_back, 13).accused_wrongly == 0);
}

}  // namespace claimstorm::test
