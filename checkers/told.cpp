#include "checkers/told.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// Which answer says most about a row that exists: a yes, then silence, then a refusal.
int weight(Outcome outcome) {
    if (outcome == Outcome::granted) return 3;
    if (is_indeterminate(outcome)) return 2;
    return outcome == Outcome::not_sent ? 0 : 1;
}

}  // namespace

AttemptsOf::AttemptsOf(const Evidence& evidence, std::vector<UserId> users)
    : history_(evidence.history), users_(std::move(users)) {
    std::sort(users_.begin(), users_.end());
    telling_.resize(users_.size());
    for (std::size_t at = 0; at < history_.attempts.size(); ++at) {
        const Attempt& attempt = history_.attempts[at];
        const auto user = std::lower_bound(users_.begin(), users_.end(), attempt.user);
        if (user == users_.end() || *user != attempt.user) continue;
        auto& telling = telling_[static_cast<std::size_t>(user - users_.begin())];
        if (!telling.empty()) {
            const int known = weight(history_.attempts[telling.front()].outcome);
            if (weight(attempt.outcome) < known) continue;
            if (weight(attempt.outcome) > known) telling.clear();
        }
        telling.push_back(at);
    }
}

std::span<const std::uint64_t> AttemptsOf::telling(UserId user) const {
    const auto found = std::lower_bound(users_.begin(), users_.end(), user);
    return telling_.at(static_cast<std::size_t>(found - users_.begin()));
}

std::string AttemptsOf::what_was_told(UserId user) const {
    const auto attempts = telling(user);
    if (attempts.empty()) return "took no part in the storm";
    const Outcome outcome = history_.attempts[attempts.front()].outcome;
    const std::string which = attempts_in_words(attempts);
    if (outcome == Outcome::not_sent) return fmt::format("never had a request sent ({})", which);
    if (is_indeterminate(outcome)) {
        return fmt::format("never learned the result ({}: {})", which, to_string(outcome));
    }
    return fmt::format("was told {} ({})", to_string(outcome), which);
}

std::vector<std::uint64_t> AttemptsOf::listed(UserId user) const {
    const auto attempts = telling(user);
    const auto end = attempts.begin() +
                     static_cast<std::ptrdiff_t>(std::min(attempts.size(), kListedPerWitness));
    return {attempts.begin(), end};
}

std::string attempts_in_words(std::span<const std::uint64_t> attempts) {
    constexpr std::size_t kNamed = 3;
    const auto first = attempts.first(std::min(attempts.size(), kNamed));
    std::string words = attempts.size() == 1 ? "attempt " : "attempts ";
    words += fmt::format("{}", fmt::join(first, ", "));
    if (attempts.size() > kNamed) words += fmt::format(" and {} more", attempts.size() - kNamed);
    return words;
}

}  // namespace claimstorm
