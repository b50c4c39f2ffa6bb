#include "stores/redis_evidence.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// How many keys a SCAN step looks at: a millisecond's work for Redis, after which it answers
/// others.
constexpr std::string_view kScanCount = "5000";
constexpr std::string_view kUserMark = "{user}";

RedisCommand fill_words(const RedisCommand& words, const Placeholders& placeholders,
                        std::string_view where) {
    RedisCommand filled;
    filled.reserve(words.size());
    for (const std::string& word : words) filled.push_back(placeholders.fill(word, where));
    return filled;
}

std::string shortened(const std::string& text) {
    constexpr std::size_t kShown = 40;
    return text.size() > kShown ? text.substr(0, kShown) + "…" : text;
}

/// "WRONGTYPE …, to: GET": of which key is what its reader must know.
[[noreturn]] void refuse_with_key(const RedisError& error, const RedisCommand& command) {
    if (is_connection_lost(error) || command.size() < 2) throw;
    const bool is_scan = command.front() == "SCAN";
    throw UsageError(fmt::format("{} {}", error.what(), command[is_scan ? 3 : 1]));
}

/// Its own address, or the store's. Precondition: one of them is named.
const RedisAddress& place_of(const std::optional<RedisAddress>& own,
                             const std::optional<RedisAddress>& stores) {
    return own ? *own : stores.value();
}

}  // namespace

std::string escape_glob(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') escaped.push_back('\\');
        escaped.push_back(c);
    }
    return escaped;
}

RedisEvidence::RedisEvidence(const RedisEvidenceSpec& spec, const Placeholders& placeholders,
                             const RedisOptions& options)
    : connections_(options),
      remaining_(fill(spec.remaining, spec.address, placeholders, "redis.remaining")),
      backlog_(fill(spec.backlog, spec.address, placeholders, "redis.backlog")) {
    users_.reserve(spec.users.size());
    for (const RedisUsers& named : spec.users) {
        Users users{named.kind, named.key,   "",
                    named.user, named.first, connections_.add(place_of(named.at, spec.address))};
        const std::size_t mark = named.key.find(kUserMark);
        if (named.kind == RedisUsersKind::keys && mark != std::string::npos) {
            users.suffix = placeholders.fill(
                std::string_view(named.key).substr(mark + kUserMark.size()), "redis.users");
            users.key.resize(mark);
        }
        users.key = placeholders.fill(users.key, "redis.users");
        users_.push_back(std::move(users));
    }
    // A campaign's id is no pattern, whatever stands in it.
    Placeholders literal = placeholders;
    for (std::string& value : literal.values) value = escape_glob(value);
    locks_.reserve(spec.locks.size());
    for (const RedisLocks& locks : spec.locks) {
        locks_.push_back({literal.fill(locks.pattern, "redis.locks"),
                          connections_.add(place_of(locks.at, spec.address))});
    }
}

std::vector<RedisEvidence::Counter> RedisEvidence::fill(const std::vector<RedisCounter>& counters,
                                                        const std::optional<RedisAddress>& own,
                                                        const Placeholders& placeholders,
                                                        std::string_view where) {
    std::vector<Counter> filled;
    filled.reserve(counters.size());
    for (const RedisCounter& counter : counters) {
        filled.push_back({fill_words(counter.command, placeholders, where),
                          connections_.add(place_of(counter.at, own))});
    }
    return filled;
}

Reply RedisEvidence::ask(std::size_t place, const RedisCommand& command) {
    const std::vector<std::string_view> words(command.begin(), command.end());
    try {
        return connections_.at(place).command(words);
    } catch (const RedisError& error) {
        refuse_with_key(error, command);
    }
}

void RedisEvidence::scan(std::size_t place, const RedisCommand& command, std::size_t cursor_at,
                         const std::function<void(std::string_view)>& take) {
    std::vector<std::string_view> words(command.begin(), command.end());
    words.insert(words.end(), {"COUNT", kScanCount});
    try {
        connections_.at(place).scan(words, cursor_at, take);
    } catch (const RedisError& error) {
        refuse_with_key(error, command);
    }
}

std::int64_t RedisEvidence::read_counter(const Counter& counter) {
    return number_in(ask(counter.place, counter.command), counter.command);
}

/// The number that a counter's command was answered with.
std::int64_t RedisEvidence::number_in(const Reply& reply, const RedisCommand& command) {
    if (reply.is_nil() && command.size() == 2) {
        throw AbsentKey(
            fmt::format("the key '{}' does not exist (never set, expired or evicted)", command[1]));
    }
    const std::string asked = fmt::format("{}", fmt::join(command, " "));
    if (reply.is_nil()) {
        throw AbsentKey(
            fmt::format("'{}' finds nothing there (never set, expired or evicted)", asked));
    }
    if (reply.type() == Reply::Type::integer) return reply.integer();
    if (reply.type() == Reply::Type::string) {
        const std::string& text = reply.text();
        std::int64_t number = 0;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, number);
        if (error == std::errc{} && stop == end && !text.empty()) return number;
        throw UsageError(
            fmt::format("'{}' answers '{}', which is no whole number", asked, shortened(text)));
    }
    throw UsageError(fmt::format("'{}' answers a list, and a number is wanted", asked));
}

/// All counters in one transaction; nullopt when they lie on several servers, or when the account
/// may not use MULTI.
std::optional<std::int64_t> RedisEvidence::read_sum_at_once(const std::vector<Counter>& counters) {
    const std::size_t place = counters.front().place;
    for (const Counter& counter : counters) {
        if (counter.place != place) return std::nullopt;
    }
    RedisConnection& redis = connections_.at(place);
    redis.append({"MULTI"});
    for (const Counter& counter : counters) {
        redis.append(std::vector<std::string_view>(counter.command.begin(), counter.command.end()));
    }
    redis.append({"EXEC"});
    const std::vector<Reply> replies = redis.flush();
    // Without MULTI the commands were answered one by one, and EXEC by an error.
    if (replies.back().type() != Reply::Type::array) return std::nullopt;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const Reply& reply = replies.back().elements().at(i);
        const RedisCommand& command = counters[i].command;
        if (reply.is_error()) {
            throw UsageError(
                fmt::format("Redis says: {}, to: {}", reply.text(), fmt::join(command, " ")));
        }
        if (__builtin_add_overflow(sum, number_in(reply, command), &sum)) {
            throw UsageError("the values add up to more than 64 bits hold");
        }
    }
    return sum;
}

/// Where one key of several is not there, their sum is not known: it is absent as a whole, as a
/// single missing key is. A missing segment may be empty, evicted, or not yet filled.
std::int64_t RedisEvidence::read_sum(const std::vector<Counter>& counters) {
    if (counters.size() == 1) return read_counter(counters.front());
    std::int64_t sum = 0;
    std::size_t missing = 0;
    std::string first_missing;
    for (const Counter& counter : counters) {
        try {
            if (__builtin_add_overflow(sum, read_counter(counter), &sum)) {
                throw UsageError("the values add up to more than 64 bits hold");
            }
        } catch (const AbsentKey& absent) {
            if (missing++ == 0) first_missing = absent.what();
        }
    }
    if (missing > 0) {
        throw AbsentKey(fmt::format("{} of {} values cannot be had, so their sum is not known: {}",
                                    missing, counters.size(), first_missing));
    }
    return sum;
}

std::vector<LockSeen> RedisEvidence::read_locks() {
    std::set<std::pair<std::size_t, std::string>> keys;
    for (const Locks& named : locks_) {
        scan(named.place, {"SCAN", "0", "MATCH", named.pattern}, 1,
             [&](std::string_view key) { keys.emplace(named.place, key); });
    }
    std::vector<LockSeen> locks;
    locks.reserve(keys.size());
    for (const auto& [place, key] : keys) {
        const std::int64_t pttl = ask(place, {"PTTL", key}).integer();
        if (pttl != -2) locks.push_back({key, pttl});  // -2: gone meanwhile
    }
    return locks;
}

void RedisEvidence::take(Snapshot& snapshot, Names& names) {
    if (!users_.empty()) {
        if (!ahead_) begin_to_take();
        snapshot.cache_users =
            guarded<std::vector<UserId>>("redis.users", [&] { return take_users(names); });
        stop_reading_ahead();
    }
    if (!remaining_.empty()) {
        snapshot.cache_remaining =
            guarded<std::int64_t>("redis.remaining", [&] { return read_sum(remaining_); });
    }
    if (!locks_.empty()) {
        snapshot.locks =
            guarded<std::vector<LockSeen>>("redis.locks", [&] { return read_locks(); });
    }
    if (!backlog_.empty()) {
        snapshot.backlog =
            guarded<std::int64_t>("redis.backlog", [&] { return read_sum(backlog_); });
    }
}

Reading<std::int64_t> RedisEvidence::read_remaining() {
    if (remaining_.empty()) return {};
    return guarded<std::int64_t>("redis.remaining", [this] { return read_sum(remaining_); });
}

Reading<std::int64_t> RedisEvidence::read_backlog(bool& at_once) {
    at_once = true;
    if (backlog_.empty()) return {};
    const auto read = [this, &at_once] {
        if (backlog_.size() == 1) return read_counter(backlog_.front());
        if (const auto sum = read_sum_at_once(backlog_)) return *sum;
        at_once = false;
        return read_sum(backlog_);
    };
    return guarded<std::int64_t>("redis.backlog", [&read] {
        const std::int64_t queued = read();
        if (queued >= 0) return queued;
        throw UsageError(fmt::format("it says {}, and no backlog is below zero", queued));
    });
}

void RedisEvidence::add_pulse(Pulse& pulse) {
    const auto add = [&](const std::string& name, auto&& read) {
        pulse.counters.emplace_back(name, guarded<std::int64_t>(name, read));
    };
    const auto add_each = [&](const char* name, const std::vector<Counter>& counters) {
        for (std::size_t i = 0; i < counters.size(); ++i) {
            add(label_of(name, i, counters.size()), [&] { return read_counter(counters[i]); });
        }
    };
    add_each("redis.remaining", remaining_);
    for (std::size_t i = 0; i < users_.size(); ++i) {
        add(label_of("redis.users", i, users_.size()), [&] { return count_users(users_[i]); });
    }
    add_each("redis.backlog", backlog_);
}

}  // namespace claimstorm
