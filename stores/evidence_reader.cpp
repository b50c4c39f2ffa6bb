#include "stores/evidence_reader.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// How many members a SCAN step asks for: few enough that Redis answers others in between.
constexpr std::string_view kScanCount = "1000";

/// The key a counter is read from is not there.
class AbsentKey : public UsageError {
  public:
    using UsageError::UsageError;
};

/// {campaign} is all that evidence may mention.
Placeholders campaign_only(const Campaign& campaign) {
    return {{"campaign"}, {campaign.id}};
}

std::vector<std::string> fill_all(const std::vector<std::string>& words,
                                  const Placeholders& placeholders, std::string_view where) {
    std::vector<std::string> filled;
    filled.reserve(words.size());
    for (const std::string& word : words) filled.push_back(placeholders.fill(word, where));
    return filled;
}

/// NULL in a counter or a user is bad evidence; in an optional column it is "not carried".
std::int64_t number_or_none(const MysqlRow& row, std::optional<std::size_t> column) {
    if (!column || row.is_null(*column)) return kNoNumber;
    return row.int64(*column);
}

Reading<std::int64_t> as_number(const Reading<bool>& truth) {
    return truth.is_read() ? Reading<std::int64_t>(*truth ? 1 : 0) : Reading<std::int64_t>();
}

bool truth_of(const MysqlRow& row, std::string_view column) {
    return row.int64(column) != 0;
}

/// A counter that is not there (a cache key that is not set) reads as no number.
template <typename T>
std::optional<std::int64_t> value_of(const Reading<T>& reading) {
    if (!reading.is_read()) return std::nullopt;
    return static_cast<std::int64_t>(reading.value());
}

}  // namespace

std::string Pulse::unreadable() const {
    for (const auto& [name, reading] : counters) {
        if (reading.is_named() && !reading.is_read() && !reading.is_absent()) return reading.why();
    }
    return {};
}

std::string Pulse::difference(const Pulse& later) const {
    if (counters.size() != later.counters.size()) return "what can be read of them changed";
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const auto before = value_of(counters[i].second);
        const auto after = value_of(later.counters[i].second);
        if (before == after) continue;
        const auto text = [](const std::optional<std::int64_t>& value) {
            return value ? std::to_string(*value) : std::string("nothing");
        };
        return fmt::format("{} went from {} to {}", counters[i].first, text(before), text(after));
    }
    return {};
}

EvidenceReader::EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign) : spec_(spec) {
    const Placeholders placeholders = campaign_only(campaign);
    if (spec_.mysql) {
        claims_ = bind_sql(spec_.mysql->claims, placeholders, "mysql.claims");
        stock_ = bind_sql(spec_.mysql->stock, placeholders, "mysql.stock");
        payouts_ = bind_sql(spec_.mysql->payouts, placeholders, "mysql.payouts");
    }
    if (spec_.redis) {
        for (RedisCommand& command : spec_.redis->remaining) {
            command = fill_all(command, placeholders, "redis.remaining");
        }
        for (RedisCommand& command : spec_.redis->backlog) {
            command = fill_all(command, placeholders, "redis.backlog");
        }
        spec_.redis->locks = fill_all(spec_.redis->locks, placeholders, "redis.locks");
        if (spec_.redis->users) {
            spec_.redis->users->second =
                placeholders.fill(spec_.redis->users->second, "redis.users");
        }
    }
}

void EvidenceReader::require_reachable() {
    if (spec_.mysql) mysql();
    if (spec_.redis) redis();
}

MysqlConnection& EvidenceReader::mysql() {
    if (mysql_ && !mysql_->is_usable()) mysql_.reset();
    if (!mysql_) mysql_.emplace(spec_.mysql->address);
    return *mysql_;
}

RedisConnection& EvidenceReader::redis() {
    if (redis_ && !redis_->is_usable()) redis_.reset();
    if (!redis_) redis_.emplace(spec_.redis->address);
    return *redis_;
}

template <typename T, typename Read>
Reading<T> EvidenceReader::guarded(const char* what, Read&& read) {
    try {
        return Reading<T>(read());
    } catch (const AbsentKey& error) {
        return Reading<T>(Unreadable{fmt::format("{}: {}", what, error.what()), true});
    } catch (const Error& error) {
        return Reading<T>(Unreadable{fmt::format("{}: {}", what, error.what())});
    }
}

Ledger EvidenceReader::read_ledger(Names& names, TextPool& texts) {
    Ledger ledger;
    std::optional<std::size_t> claim_id;
    std::optional<std::size_t> ticket;
    std::optional<std::size_t> amount;
    std::size_t user = 0;
    const std::vector<MysqlValue> values = claims_.values();
    mysql().for_each_row(claims_.sql, MysqlParams(values), [&](const MysqlRow& row) {
        if (ledger.rows.empty()) {
            const auto optional_column = [&row](std::string_view name) {
                return row.has(name) ? std::optional(row.position(name)) : std::nullopt;
            };
            user = row.position("user");
            claim_id = optional_column("claim_id");
            ticket = optional_column("ticket");
            amount = optional_column("amount_cents");
        }
        if (row.is_null(user)) {
            throw UsageError(
                fmt::format("row {}: the column user is NULL", ledger.rows.size() + 1));
        }
        ClaimRow claim;
        claim.user = names.intern(row.text(user));
        if (claim_id && !row.is_null(*claim_id)) claim.claim_id = texts.add(row.text(*claim_id));
        claim.ticket = number_or_none(row, ticket);
        claim.amount_cents = number_or_none(row, amount);
        ledger.rows.push_back(claim);
    });
    return ledger;
}

Payouts EvidenceReader::read_payouts(Names& names, TextPool& texts) {
    Payouts payouts;
    std::size_t claim_id = 0;
    std::size_t amount = 0;
    std::optional<std::size_t> user;
    const std::vector<MysqlValue> values = payouts_.values();
    mysql().for_each_row(payouts_.sql, MysqlParams(values), [&](const MysqlRow& row) {
        if (payouts.rows.empty()) {
            claim_id = row.position("claim_id");
            amount = row.position("amount_cents");
            if (row.has("user")) user = row.position("user");
        }
        if (row.is_null(amount)) {
            throw UsageError(
                fmt::format("row {}: the column amount_cents is NULL", payouts.rows.size() + 1));
        }
        PayoutRow payout;
        if (!row.is_null(claim_id)) payout.claim_id = texts.add(row.text(claim_id));
        payout.amount_cents = row.int64(amount);
        if (user && !row.is_null(*user)) payout.user = names.intern(row.text(*user));
        payouts.rows.push_back(payout);
    });
    return payouts;
}

EvidenceReader::Stock EvidenceReader::read_stock() {
    const std::vector<MysqlValue> values = stock_.values();
    const auto row = mysql().query_one(stock_.sql, MysqlParams(values));
    if (!row) throw UsageError("the query gave no row: is the campaign there?");
    Stock stock;
    if (row->has("stock")) stock.stock = row->int64("stock");
    if (row->has("remaining")) stock.remaining = row->int64("remaining");
    if (row->has("sold_out")) stock.sold_out = truth_of(*row, "sold_out");
    if (!stock.stock.is_named() && !stock.remaining.is_named() && !stock.sold_out.is_named()) {
        throw UsageError("the query has none of the columns stock, remaining, sold_out");
    }
    return stock;
}

void EvidenceReader::take_mysql(Snapshot& snapshot, Names& names, TextPool& texts) {
    // All queries see one moment: a claim, its decrement and its payout belong together.
    const auto begun = guarded<bool>("mysql", [&] {
        mysql().execute_text("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
        return true;
    });
    if (!begun.is_read()) {
        if (!claims_.sql.empty()) snapshot.ledger = Unreadable{begun.why()};
        if (!stock_.sql.empty()) {
            snapshot.stock = Unreadable{begun.why()};
            snapshot.remaining = Unreadable{begun.why()};
            snapshot.sold_out = Unreadable{begun.why()};
        }
        if (!payouts_.sql.empty()) snapshot.payouts = Unreadable{begun.why()};
        return;
    }
    if (!claims_.sql.empty()) {
        snapshot.ledger =
            guarded<Ledger>("mysql.claims", [&] { return read_ledger(names, texts); });
    }
    if (!stock_.sql.empty()) {
        const auto stock = guarded<Stock>("mysql.stock", [&] { return read_stock(); });
        if (stock.is_read()) {
            snapshot.stock = stock->stock;
            snapshot.remaining = stock->remaining;
            snapshot.sold_out = stock->sold_out;
        } else {
            snapshot.stock = Unreadable{stock.why()};
            snapshot.remaining = Unreadable{stock.why()};
            snapshot.sold_out = Unreadable{stock.why()};
        }
    }
    if (!payouts_.sql.empty()) {
        snapshot.payouts =
            guarded<Payouts>("mysql.payouts", [&] { return read_payouts(names, texts); });
    }
    guarded<bool>("mysql", [&] {
        if (mysql_ && mysql_->is_usable()) mysql_->execute_text("ROLLBACK");
        return true;
    });
}

std::int64_t EvidenceReader::read_counter(const RedisCommand& command) {
    const std::vector<std::string_view> words(command.begin(), command.end());
    const Reply reply = redis().command(words);
    if (reply.is_nil()) {
        throw AbsentKey(fmt::format("the key '{}' does not exist (never set, expired or evicted)",
                                    command.size() > 1 ? command[1] : ""));
    }
    return reply.integer();
}

/// Where one key of several is not there, their sum is not known: it is absent as a whole, as a
/// single missing key is. A missing segment may be empty, evicted, or not yet filled.
std::int64_t EvidenceReader::read_sum(const std::vector<RedisCommand>& commands) {
    if (commands.size() == 1) return read_counter(commands.front());
    std::int64_t sum = 0;
    std::size_t missing = 0;
    std::string first_missing;
    for (const RedisCommand& command : commands) {
        try {
            if (__builtin_add_overflow(sum, read_counter(command), &sum)) {
                throw UsageError("the values add up to more than 64 bits hold");
            }
        } catch (const AbsentKey& absent) {
            if (missing++ == 0) first_missing = absent.what();
        }
    }
    if (missing > 0) {
        throw AbsentKey(fmt::format("{} of {} values cannot be had, so their sum is not known: {}",
                                    missing, commands.size(), first_missing));
    }
    return sum;
}

void EvidenceReader::scan(std::vector<std::string> command, std::size_t cursor_at,
                          const std::function<void(const std::vector<Reply>&)>& take) {
    do {
        const std::vector<std::string_view> words(command.begin(), command.end());
        const Reply reply = redis().command(words);
        command[cursor_at] = reply.elements().at(0).text();
        take(reply.elements().at(1).elements());
    } while (command[cursor_at] != "0");
}

std::vector<UserId> EvidenceReader::read_users(Names& names) {
    const auto& [kind, key] = *spec_.redis->users;
    const char* name = kind == RedisUsersKind::set    ? "SSCAN"
                       : kind == RedisUsersKind::hash ? "HSCAN"
                                                      : "ZSCAN";
    // Hashes and sorted sets answer member and value in turn.
    const std::size_t step = kind == RedisUsersKind::set ? 1 : 2;
    std::unordered_set<UserId> users;  // SCAN may show a member twice
    scan({name, key, "0", "COUNT", std::string(kScanCount)}, 2,
         [&](const std::vector<Reply>& found) {
             for (std::size_t i = 0; i < found.size(); i += step)
                 users.insert(names.intern(found[i].text()));
         });
    std::vector<UserId> sorted(users.begin(), users.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

std::vector<LockSeen> EvidenceReader::read_locks() {
    std::vector<LockSeen> locks;
    std::unordered_set<std::string> seen;
    for (const std::string& pattern : spec_.redis->locks) {
        scan({"SCAN", "0", "MATCH", pattern, "COUNT", std::string(kScanCount)}, 1,
             [&](const std::vector<Reply>& found) {
                 for (const Reply& key : found) {
                     if (!seen.insert(key.text()).second) continue;
                     const std::int64_t pttl = redis().command({"PTTL", key.text()}).integer();
                     if (pttl != -2) locks.push_back({key.text(), pttl});  // -2: gone meanwhile
                 }
             });
    }
    return locks;
}

void EvidenceReader::take_redis(Snapshot& snapshot, Names& names) {
    const RedisEvidenceSpec& spec = *spec_.redis;
    if (!spec.remaining.empty()) {
        snapshot.cache_remaining =
            guarded<std::int64_t>("redis.remaining", [&] { return read_sum(spec.remaining); });
    }
    if (spec.users) {
        snapshot.cache_users =
            guarded<std::vector<UserId>>("redis.users", [&] { return read_users(names); });
    }
    if (!spec.locks.empty()) {
        snapshot.locks =
            guarded<std::vector<LockSeen>>("redis.locks", [&] { return read_locks(); });
    }
    if (!spec.backlog.empty()) {
        snapshot.backlog =
            guarded<std::int64_t>("redis.backlog", [&] { return read_sum(spec.backlog); });
    }
}

Snapshot EvidenceReader::take(Names& names, TextPool& texts) {
    Snapshot snapshot;
    if (spec_.mysql) take_mysql(snapshot, names, texts);
    if (spec_.redis) take_redis(snapshot, names);
    return snapshot;
}

/// Not every query can stand inside another (two columns of one name cannot): then the rows are
/// counted as they come.
std::int64_t EvidenceReader::count_rows(const BoundSql& query) {
    const std::vector<MysqlValue> values = query.values();
    try {
        const std::string counting =
            fmt::format("SELECT COUNT(*) FROM ({}\n) AS counted", query.sql);
        return mysql().query_one(counting, MysqlParams(values))->int64(0);
    } catch (const MysqlError& error) {
        if (is_connection_lost(error)) throw;
    }
    std::int64_t rows = 0;
    mysql().for_each_row(query.sql, MysqlParams(values), [&rows](const MysqlRow&) { ++rows; });
    return rows;
}

std::int64_t EvidenceReader::count_users() {
    const auto& [kind, key] = *spec_.redis->users;
    const char* command = kind == RedisUsersKind::set    ? "SCARD"
                          : kind == RedisUsersKind::hash ? "HLEN"
                                                         : "ZCARD";
    return redis().command({command, key}).integer();
}

/// Transactions of this database, or of none in particular, that have changed rows and not ended.
/// An account without the PROCESS privilege is refused the view; then equal pulses alone must do.
std::int64_t EvidenceReader::count_open_transactions() {
    const auto row = mysql().query_one(
        "SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX t "
        "JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id "
        "WHERE (DATABASE() IS NULL OR p.DB IS NULL OR p.DB = DATABASE()) "
        "AND t.trx_rows_modified > 0");
    return row ? row->int64("n") : 0;
}

void EvidenceReader::add_redis_pulse(Pulse& pulse) {
    const auto add = [&](const std::string& name, auto&& read) {
        pulse.counters.emplace_back(name, guarded<std::int64_t>(name.c_str(), read));
    };
    const auto add_each = [&](const std::string& name, const std::vector<RedisCommand>& commands) {
        for (std::size_t i = 0; i < commands.size(); ++i) {
            add(commands.size() == 1 ? name : fmt::format("{}[{}]", name, i),
                [&] { return read_counter(commands[i]); });
        }
    };
    const RedisEvidenceSpec& redis = *spec_.redis;
    add_each("redis.remaining", redis.remaining);
    if (redis.users) add("redis.users", [&] { return count_users(); });
    add_each("redis.backlog", redis.backlog);
}

Pulse EvidenceReader::pulse() {
    Pulse pulse;
    const auto add = [&](const char* name, auto&& read) {
        pulse.counters.emplace_back(name, guarded<std::int64_t>(name, read));
    };
    if (spec_.mysql && !claims_.sql.empty()) {
        add("mysql.claims", [&] { return count_rows(claims_); });
    }
    if (spec_.mysql && !payouts_.sql.empty()) {
        add("mysql.payouts", [&] { return count_rows(payouts_); });
    }
    if (spec_.mysql && !stock_.sql.empty()) {
        const auto stock = guarded<Stock>("mysql.stock", [&] { return read_stock(); });
        if (stock.is_read()) {
            pulse.counters.emplace_back("mysql.stock", stock->stock);
            pulse.counters.emplace_back("mysql.remaining", stock->remaining);
            pulse.counters.emplace_back("mysql.sold_out", as_number(stock->sold_out));
        } else {
            pulse.counters.emplace_back("mysql.stock", Unreadable{stock.why()});
        }
    }
    if (spec_.mysql) {
        const auto open = guarded<std::int64_t>("mysql", [&] { return count_open_transactions(); });
        pulse.open_transactions = open.is_read() ? *open : 0;
    }
    if (spec_.redis) add_redis_pulse(pulse);
    return pulse;
}

}  // namespace claimstorm
