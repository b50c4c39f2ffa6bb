#include "stores/mysql_evidence.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// Where a row was found wanting: "row 3: …". What the server says about the connection passes.
template <typename Take>
void in_row(std::size_t number, Take&& take) {
    try {
        take();
    } catch (const UsageError& error) {
        throw UsageError(fmt::format("row {}: {}", number, error.what()));
    }
}

/// A column that a query may have or not have.
class OptionalColumn {
  public:
    OptionalColumn(const MysqlRow& columns, std::string_view name) {
        if (columns.has(name)) position_ = columns.position(name);
    }
    bool in(const MysqlRow& row) const { return position_ && !row.is_null(*position_); }
    /// See MysqlRow::text.
    std::string_view text(const MysqlRow& row, std::string& digits) const {
        return row.text(*position_, digits);
    }
    /// NULL is "not carried".
    std::int64_t number(const MysqlRow& row) const {
        return in(row) ? row.int64(*position_) : kNoNumber;
    }

  private:
    std::optional<std::size_t> position_;
};

void require_not_null(const MysqlRow& row, std::size_t column, std::string_view name) {
    if (row.is_null(column)) throw UsageError(fmt::format("the column {} is NULL", name));
}

/// Adds one database's part to the sum of all.
template <typename T, typename Add>
void add_part(Reading<T>& sum, const Reading<T>& part, std::string_view column, bool is_first,
              Add&& add) {
    if (is_first) {
        sum = part;
    } else if (sum.is_read() != part.is_read()) {
        throw UsageError(fmt::format(
            "the column {} is in some of the queries only: all or none must have it", column));
    } else if (sum.is_read()) {
        add(sum.value(), *part);
    }
}

Reading<std::int64_t> as_number(const Reading<bool>& truth) {
    return truth.is_read() ? Reading<std::int64_t>(*truth ? 1 : 0) : Reading<std::int64_t>();
}

}  // namespace

MysqlEvidence::MysqlEvidence(const MysqlEvidenceSpec& spec, const Placeholders& placeholders,
                             const MysqlOptions& options)
    : connections_(options),
      claims_(bind(spec.claims, spec.address, placeholders, "mysql.claims")),
      stock_(bind(spec.stock, spec.address, placeholders, "mysql.stock")),
      payouts_(bind(spec.payouts, spec.address, placeholders, "mysql.payouts")) {}

std::vector<MysqlEvidence::Query> MysqlEvidence::bind(const std::vector<SqlQuery>& queries,
                                                      const std::optional<MysqlAddress>& own,
                                                      const Placeholders& placeholders,
                                                      std::string_view where) {
    std::vector<Query> bound;
    bound.reserve(queries.size());
    for (const SqlQuery& query : queries) {
        bound.push_back({bind_sql(query.sql, placeholders, where),
                         connections_.add(query.at ? *query.at : own.value())});
    }
    return bound;
}

template <typename Read>
void MysqlEvidence::for_each(const std::vector<Query>& queries, std::string_view what,
                             Read&& read) {
    for (std::size_t i = 0; i < queries.size(); ++i) {
        try {
            read(queries[i]);
        } catch (const Error& error) {
            throw UsageError(
                fmt::format("{}: {}", label_of(what, i, queries.size()), error.what()));
        }
    }
}

void MysqlEvidence::begin_everywhere() {
    not_begun_.assign(connections_.size(), "");
    for (std::size_t place = 0; place < connections_.size(); ++place) {
        try {
            connections_.at(place).execute_text(
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
        } catch (const Error& error) {
            not_begun_[place] = error.what();
        }
    }
}

void MysqlEvidence::end_everywhere() {
    for (std::size_t place = 0; place < connections_.size(); ++place) {
        if (!connections_.is_open(place)) continue;
        guarded<bool>("mysql", [&] {
            connections_.at(place).execute_text("ROLLBACK");
            return true;
        });
    }
    not_begun_.clear();
}

/// A connection that broke on the way has lost its transaction: one opened anew would read another
/// moment, and outside of it.
MysqlConnection& MysqlEvidence::reading_at(std::size_t place) {
    if (not_begun_.empty()) return connections_.at(place);
    if (!not_begun_[place].empty()) throw EnvironmentError(not_begun_[place]);
    if (!connections_.is_open(place)) {
        throw EnvironmentError("the connection was lost while the stores were read");
    }
    return connections_.at(place);
}

void MysqlEvidence::read_claims(const Query& query, Ledger& ledger, Names& names, TextPool& texts,
                                const ToldIds& told) {
    struct Columns {
        std::size_t user;
        OptionalColumn claim_id;
        OptionalColumn ticket;
        OptionalColumn amount;
    };
    std::optional<Columns> columns;
    std::size_t number = 0;
    std::string digits;
    const std::vector<MysqlValue> values = query.bound.values();
    const auto on_columns = [&](const MysqlRow& named) {
        columns = Columns{named.position("user"), OptionalColumn(named, "claim_id"),
                          OptionalColumn(named, "ticket"), OptionalColumn(named, "amount_cents")};
    };
    const auto on_row = [&](const MysqlRow& row) {
        in_row(++number, [&] {
            require_not_null(row, columns->user, "user");
            ClaimRow claim;
            claim.user = names.intern(row.text(columns->user, digits));
            if (columns->claim_id.in(row)) {
                claim.claim_id = told.add(texts, claim.user, columns->claim_id.text(row, digits));
            }
            claim.ticket = columns->ticket.number(row);
            claim.amount_cents = columns->amount.number(row);
            ledger.rows.push_back(claim);
        });
    };
    reading_at(query.place).for_each_row(query.bound.sql, MysqlParams(values), on_row, on_columns);
}

void MysqlEvidence::read_payouts(const Query& query, Payouts& payouts, Names& names,
                                 TextPool& texts) {
    struct Columns {
        std::size_t claim_id;
        std::size_t amount;
        OptionalColumn user;
    };
    std::optional<Columns> columns;
    std::size_t number = 0;
    std::string digits;
    const std::vector<MysqlValue> values = query.bound.values();
    const auto on_columns = [&](const MysqlRow& named) {
        columns = Columns{named.position("claim_id"), named.position("amount_cents"),
                          OptionalColumn(named, "user")};
    };
    const auto on_row = [&](const MysqlRow& row) {
        in_row(++number, [&] {
            require_not_null(row, columns->amount, "amount_cents");
            PayoutRow payout;
            if (!row.is_null(columns->claim_id)) {
                payout.claim_id = texts.add(row.text(columns->claim_id, digits));
            }
            payout.amount_cents = row.int64(columns->amount);
            if (columns->user.in(row)) payout.user = names.intern(columns->user.text(row, digits));
            payouts.rows.push_back(payout);
        });
    };
    reading_at(query.place).for_each_row(query.bound.sql, MysqlParams(values), on_row, on_columns);
}

MysqlEvidence::Stock MysqlEvidence::read_stock(const Query& query) {
    std::size_t rows = 0;
    Stock stock;
    const std::vector<MysqlValue> values = query.bound.values();
    const auto on_columns = [](const MysqlRow& named) {
        if (named.has("stock") || named.has("remaining") || named.has("sold_out")) return;
        throw UsageError("the query has none of the columns stock, remaining, sold_out");
    };
    const auto on_row = [&](const MysqlRow& row) {
        if (++rows > 1) return;
        if (row.has("stock")) stock.stock = row.int64("stock");
        if (row.has("remaining")) stock.remaining = row.int64("remaining");
        if (row.has("sold_out")) stock.sold_out = row.int64("sold_out") != 0;
    };
    reading_at(query.place).for_each_row(query.bound.sql, MysqlParams(values), on_row, on_columns);
    if (rows == 0) throw UsageError("the query gave no row: is the campaign there?");
    if (rows > 1) {
        throw UsageError(fmt::format(
            "the query gave {} rows where one is wanted: which is the campaign's?", rows));
    }
    if (stock.stock.is_read() && *stock.stock < 0) {
        throw UsageError(
            fmt::format("the column stock says {}, and no stock is below zero", *stock.stock));
    }
    return stock;
}

MysqlEvidence::Stock MysqlEvidence::read_all_stock() {
    Stock all;
    bool is_first = true;
    for_each(stock_, "mysql.stock", [&](const Query& query) {
        const Stock part = read_stock(query);
        const auto sum = [](std::int64_t& to, std::int64_t from) {
            if (__builtin_add_overflow(to, from, &to)) {
                throw UsageError("the values add up to more than 64 bits hold");
            }
        };
        add_part(all.stock, part.stock, "stock", is_first, sum);
        add_part(all.remaining, part.remaining, "remaining", is_first, sum);
        add_part(all.sold_out, part.sold_out, "sold_out", is_first,
                 [](bool& to, bool from) { to = to && from; });
        is_first = false;
    });
    return all;
}

void MysqlEvidence::take(Snapshot& snapshot, Names& names, TextPool& texts,
                         const AttemptList* told) {
    begin_everywhere();
    const auto read = [](auto& reading, auto&& take) {
        using Value = std::decay_t<decltype(take())>;
        try {
            reading = Reading<Value>(take());
        } catch (const Error& error) {
            reading = Unreadable{error.what()};
        }
    };
    if (!claims_.empty()) {
        read(snapshot.ledger, [&] {
            const ToldIds ids = told != nullptr ? ToldIds(*told, names.size()) : ToldIds();
            Ledger ledger;
            for_each(claims_, "mysql.claims",
                     [&](const Query& query) { read_claims(query, ledger, names, texts, ids); });
            return ledger;
        });
    }
    if (!stock_.empty()) {
        try {
            const Stock stock = read_all_stock();
            snapshot.stock = stock.stock;
            snapshot.remaining = stock.remaining;
            snapshot.sold_out = stock.sold_out;
        } catch (const Error& error) {
            snapshot.stock = Unreadable{error.what()};
            snapshot.remaining = Unreadable{error.what()};
            snapshot.sold_out = Unreadable{error.what()};
        }
    }
    if (!payouts_.empty()) {
        read(snapshot.payouts, [&] {
            Payouts payouts;
            for_each(payouts_, "mysql.payouts",
                     [&](const Query& query) { read_payouts(query, payouts, names, texts); });
            return payouts;
        });
    }
    end_everywhere();
}

/// Not every query can stand inside another (two columns of one name cannot): then the rows are
/// counted as they come.
std::int64_t MysqlEvidence::count_rows(const Query& query) {
    const std::vector<MysqlValue> values = query.bound.values();
    MysqlConnection& mysql = reading_at(query.place);
    try {
        const std::string counting =
            fmt::format("SELECT COUNT(*) FROM ({}\n) AS counted", query.bound.sql);
        return mysql.query_one(counting, MysqlParams(values))->int64(0);
    } catch (const MysqlError& error) {
        if (is_connection_lost(error)) throw;
    }
    std::int64_t rows = 0;
    mysql.for_each_row(query.bound.sql, MysqlParams(values), [&rows](const MysqlRow&) { ++rows; });
    return rows;
}

Reading<std::int64_t> MysqlEvidence::count_claims() {
    if (claims_.empty()) return {};
    const auto count_all = [this] {
        std::int64_t rows = 0;
        for_each(claims_, "mysql.claims", [&](const Query& query) { rows += count_rows(query); });
        return rows;
    };
    const auto read = [&count_all]() -> Reading<std::int64_t> {
        try {
            return count_all();
        } catch (const Error& error) {
            return Unreadable{error.what()};
        }
    };
    if (claims_.size() == 1) return read();
    // A claim that is moved from one table to another meanwhile is counted once.
    begin_everywhere();
    Reading<std::int64_t> rows = read();
    end_everywhere();
    return rows;
}

/// Transactions of this database, or of none in particular, that have changed rows and not ended.
/// An account without the PROCESS privilege is refused the view; then equal pulses alone must do.
std::int64_t MysqlEvidence::count_open_transactions(std::size_t place) {
    const auto row = connections_.at(place).query_one(
        "SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX t "
        "JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id "
        "WHERE (DATABASE() IS NULL OR p.DB IS NULL OR p.DB = DATABASE()) "
        "AND t.trx_rows_modified > 0");
    return row ? row->int64("n") : 0;
}

void MysqlEvidence::add_pulse(Pulse& pulse) {
    const auto add_rows = [&](const char* name, const std::vector<Query>& queries) {
        for (std::size_t i = 0; i < queries.size(); ++i) {
            const std::string label = label_of(name, i, queries.size());
            pulse.counters.emplace_back(
                label, guarded<std::int64_t>(label, [&] { return count_rows(queries[i]); }));
        }
    };
    add_rows("mysql.claims", claims_);
    add_rows("mysql.payouts", payouts_);
    for (std::size_t i = 0; i < stock_.size(); ++i) {
        const std::string label = label_of("mysql.stock", i, stock_.size());
        const auto stock = guarded<Stock>(label, [&] { return read_stock(stock_[i]); });
        if (!stock.is_read()) {
            pulse.counters.emplace_back(label, Unreadable{stock.why()});
            continue;
        }
        const auto add = [&](const char* name, const Reading<std::int64_t>& reading) {
            pulse.counters.emplace_back(label_of(name, i, stock_.size()), reading);
        };
        add("mysql.stock", stock->stock);
        add("mysql.remaining", stock->remaining);
        add("mysql.sold_out", as_number(stock->sold_out));
    }
    for (std::size_t place = 0; place < connections_.size(); ++place) {
        const auto open =
            guarded<std::int64_t>("mysql", [&] { return count_open_transactions(place); });
        if (open.is_read()) pulse.open_transactions += *open;
    }
}

}  // namespace claimstorm
