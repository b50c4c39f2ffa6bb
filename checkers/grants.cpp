#include "checkers/grants.h"

#include <algorithm>

namespace claimstorm {

std::string_view granted_id(const Evidence& evidence, ByUser::Index attempt) {
    return evidence.texts.view(evidence.history.attempts[attempt].claim_id);
}

std::string_view row_id(const Evidence& evidence, const Reading<Ledger>& ledger,
                        ByUser::Index row) {
    return evidence.texts.view(ledger->rows[row].claim_id);
}

Promises promises_in(const Evidence& evidence, std::span<const ByUser::Index> granted) {
    Promises promises;
    if (granted.size() == 1) {  // almost everybody: there is nothing to compare
        const TextRef id = evidence.history.attempts[granted.front()].claim_id;
        (TextPool::is_empty(id) ? promises.without_id : promises.with_id) = 1;
        return promises;
    }
    std::string_view last;
    for (const ByUser::Index at : granted) {
        const std::string_view id = granted_id(evidence, at);
        if (id.empty()) {
            ++promises.without_id;
        } else if (id != last) {
            ++promises.with_id;
            last = id;
        }
    }
    return promises;
}

void add_distinct(const Evidence& evidence, std::span<const ByUser::Index> granted,
                  std::vector<ByUser::Index>& firsts) {
    if (granted.size() == 1) {
        firsts.push_back(granted.front());
        return;
    }
    const std::size_t before = firsts.size();
    std::string_view last;
    for (const ByUser::Index at : granted) {
        const std::string_view id = granted_id(evidence, at);
        if (id.empty() || id == last) continue;
        firsts.push_back(at);
        last = id;
    }
    if (firsts.size() == before && !granted.empty()) firsts.push_back(granted.front());
}

std::int64_t count_indeterminate(const History& history) {
    return std::count_if(history.attempts.begin(), history.attempts.end(),
                         [](const Attempt& attempt) { return is_indeterminate(attempt.outcome); });
}

}  // namespace claimstorm
