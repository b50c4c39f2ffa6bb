#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/evidence.h"
#include "model/told_ids.h"
#include "stores/evidence_spec.h"
#include "stores/mysql.h"
#include "stores/prepare.h"
#include "stores/pulse.h"
#include "stores/reading.h"

namespace claimstorm {

/// Reads a campaign's evidence out of MySQL: SELECT inside START TRANSACTION READ ONLY, so that all
/// that lies on one server is of one moment. Across servers there is no such moment; that nothing
/// moved meanwhile is what the pulses around a reading tell.
class MysqlEvidence {
  public:
    /// Throws UsageError for an unknown placeholder. Connects to nothing yet. Precondition: each
    /// query names an address, or the spec does.
    MysqlEvidence(const MysqlEvidenceSpec& spec, const Placeholders& placeholders,
                  const MysqlOptions& options = {});

    void require_reachable() { connections_.require_all(); }
    bool names_claims() const noexcept { return !claims_.empty(); }
    /// `told` may be null: the attempts whose claims the rows are.
    void take(Snapshot& snapshot, Names& names, TextPool& texts, const AttemptList* told);
    void add_pulse(Pulse& pulse);
    /// How many rows the claims queries have: not named without any, unreadable when it is not
    /// known. Several queries of one server are counted in one snapshot.
    Reading<std::int64_t> count_claims();

  private:
    struct Query {
        BoundSql bound;
        std::size_t place = 0;
    };
    struct Stock {
        Reading<std::int64_t> stock;
        Reading<std::int64_t> remaining;
        Reading<bool> sold_out;
    };

    std::vector<Query> bind(const std::vector<SqlQuery>& queries,
                            const std::optional<MysqlAddress>& own,
                            const Placeholders& placeholders, std::string_view where);
    /// Runs `read(query)` for each; what it throws says which of them it was.
    template <typename Read>
    static void for_each(const std::vector<Query>& queries, std::string_view what, Read&& read);
    void begin_everywhere();
    void end_everywhere();
    MysqlConnection& reading_at(std::size_t place);
    void read_claims(const Query& query, Ledger& ledger, Names& names, TextPool& texts,
                     const ToldIds& told);
    void read_payouts(const Query& query, Payouts& payouts, Names& names, TextPool& texts);
    Stock read_stock(const Query& query);
    Stock read_all_stock();
    std::int64_t count_rows(const Query& query);
    std::int64_t count_open_transactions(std::size_t place);

    // First of all: the others are given their places in it as they are made.
    ConnectionsTo<MysqlConnection, MysqlAddress, MysqlOptions> connections_;
    std::vector<Query> claims_;
    std::vector<Query> stock_;
    std::vector<Query> payouts_;
    /// While a snapshot is taken: why a place has no transaction to read in; empty: it has.
    std::vector<std::string> not_begun_;
};

}  // namespace claimstorm
