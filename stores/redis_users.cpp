// Who the cache has, in each of the ways in which a cache may keep it, and the reading ahead.
#include <algorithm>

#include "model/text_template.h"
#include "stores/redis_evidence.h"

namespace claimstorm {
namespace {

constexpr std::size_t kBitmapBytesRead = std::size_t{64} * 1024;
constexpr std::size_t kAheadMax = std::size_t{128} << 20;
constexpr std::size_t kLookedAhead = 16;  // names of which the table is told before they come

}  // namespace

void RedisEvidence::each_member(const Users& users,
                                const std::function<void(std::string_view)>& take) {
    const char* name = users.kind == RedisUsersKind::set    ? "SSCAN"
                       : users.kind == RedisUsersKind::hash ? "HSCAN"
                                                            : "ZSCAN";
    // Hashes and sorted sets answer member and value in turn.
    const std::size_t step = users.kind == RedisUsersKind::set ? 1 : 2;
    std::size_t found = 0;
    scan(users.place, {name, users.key, "0"}, 2, [&](std::string_view element) {
        if (found++ % step == 0) take(element);
    });
}

/// Bit 0 is the highest of the first byte, as SETBIT counts.
void RedisEvidence::each_bit(const Users& users,
                             const std::function<void(std::string_view)>& take) {
    const TextTemplate name(users.user, {"n"}, "redis.users");
    for (std::size_t from = 0;; from += kBitmapBytesRead) {
        const Reply reply = ask(users.place, {"GETRANGE", users.key, std::to_string(from),
                                              std::to_string(from + kBitmapBytesRead - 1)});
        const std::string& bytes = reply.text();
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const auto byte = static_cast<unsigned char>(bytes[i]);
            for (unsigned bit = 0; byte != 0 && bit < 8; ++bit) {
                if ((byte & (0x80U >> bit)) == 0) continue;
                const auto offset = static_cast<std::int64_t>((from + i) * 8 + bit);
                take(name.filled({std::to_string(offset + users.first)}));
            }
        }
        if (bytes.size() < kBitmapBytesRead) return;
    }
}

void RedisEvidence::each_key(const Users& users,
                             const std::function<void(std::string_view)>& take) {
    const std::string pattern = escape_glob(users.key) + "*" + escape_glob(users.suffix);
    scan(users.place, {"SCAN", "0", "MATCH", pattern}, 1, [&](std::string_view key) {
        const std::size_t around = users.key.size() + users.suffix.size();
        if (key.size() <= around) return;  // nobody's key
        take(key.substr(users.key.size(), key.size() - around));
    });
}

void RedisEvidence::each_user(const Users& users,
                              const std::function<void(std::string_view)>& take) {
    if (users.kind == RedisUsersKind::bitmap) {
        each_bit(users, take);
    } else if (users.kind == RedisUsersKind::keys) {
        each_key(users, take);
    } else {
        each_member(users, take);
    }
}

RedisEvidence::~RedisEvidence() {
    stop_reading_ahead();
}

void RedisEvidence::begin_to_take() {
    stop_reading_ahead();
    if (users_.empty()) return;
    ahead_ = std::make_unique<TextQueue>(kAheadMax);
    reading_ahead_ = std::thread([this] { read_ahead(); });
}

void RedisEvidence::read_ahead() {
    struct NobodyTakes {};
    try {
        for (const Users& users : users_) {
            each_user(users, [this](std::string_view user) {
                if (!ahead_->add(user)) throw NobodyTakes();
            });
        }
        ahead_->finish();
    } catch (const NobodyTakes&) {
        ahead_->finish();
    } catch (...) {
        ahead_->finish(std::current_exception());
    }
}

void RedisEvidence::stop_reading_ahead() {
    if (!ahead_) return;
    ahead_->leave();
    reading_ahead_.join();
    ahead_.reset();
}

std::vector<UserId> RedisEvidence::take_users(Names& names) {
    std::vector<bool> seen(names.size());  // SCAN may show a member twice
    for (TextBlock block = ahead_->take(); !block.empty(); block = ahead_->take()) {
        for (std::size_t i = 0; i < block.size(); ++i) {
            if (i + kLookedAhead < block.size()) names.expect(block[i + kLookedAhead]);
            const UserId user = names.intern(block[i]);
            if (user >= seen.size()) seen.resize(std::max(std::size_t{user} + 1, 2 * seen.size()));
            seen[user] = true;
        }
    }
    std::vector<UserId> users;
    users.reserve(static_cast<std::size_t>(std::count(seen.begin(), seen.end(), true)));
    for (UserId user = 0; user < seen.size(); ++user) {
        if (seen[user]) users.push_back(user);
    }
    return users;
}

std::int64_t RedisEvidence::count_users(const Users& users) {
    switch (users.kind) {
        case RedisUsersKind::set:
            return ask(users.place, {"SCARD", users.key}).integer();
        case RedisUsersKind::hash:
            return ask(users.place, {"HLEN", users.key}).integer();
        case RedisUsersKind::zset:
            return ask(users.place, {"ZCARD", users.key}).integer();
        case RedisUsersKind::bitmap:
            return ask(users.place, {"BITCOUNT", users.key}).integer();
        case RedisUsersKind::keys:
            break;
    }
    std::unordered_set<std::string> seen;
    each_key(users, [&seen](std::string_view user) { seen.emplace(user); });
    return static_cast<std::int64_t>(seen.size());
}

}  // namespace claimstorm
