#include "reference_server/flows/envelope_id_tables.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {
namespace {

constexpr std::string_view kPrefix = "envelope_ids_";
constexpr unsigned kNoSuchTable = 1146;

/// One server at a time makes and drops id tables. Statements that define tables wait for those
/// that use them, a bounded time too.
class DefiningTables {
  public:
    explicit DefiningTables(MysqlConnection& mysql) : mysql_(mysql) {
        mysql_.execute_text("SET SESSION lock_wait_timeout = 10");
        const auto got = mysql_.query_one(
            "SELECT COALESCE(GET_LOCK(CONCAT('cs-id-tables-', SHA1(DATABASE())), 10), 0)");
        if (got->int64(0) != 1) {
            throw EnvironmentError("another server has been making id tables for 10 s; try again");
        }
    }
    /// Should the release fail, the connection is lost, and the lock with it.
    ~DefiningTables() {
        try {
            mysql_.execute("DO RELEASE_LOCK(CONCAT('cs-id-tables-', SHA1(DATABASE())))");
        } catch (const MysqlError&) {  // NOLINT(bugprone-empty-catch): see above
        }
    }
    DefiningTables(const DefiningTables&) = delete;
    DefiningTables& operator=(const DefiningTables&) = delete;

  private:
    MysqlConnection& mysql_;
};

std::vector<IdTable> tables_in_use(MysqlConnection& mysql) {
    std::vector<IdTable> tables;
    for (const auto& row : mysql.query("SELECT number FROM envelope_id_tables WHERE is_made = 1")) {
        tables.emplace_back(row.int64("number"));
    }
    return tables;
}

/// A table whose event has just been archived is joined to nothing until the view is made anew.
void define_view(MysqlConnection& mysql) {
    std::string sql =
        "CREATE OR REPLACE SQL SECURITY INVOKER VIEW envelope_winners AS"
        " SELECT campaign_id, user_id, number, amount_cents FROM envelopes"
        " WHERE user_id IS NOT NULL";
    for (const IdTable& table : tables_in_use(mysql)) {
        sql += fmt::format(
            " UNION ALL SELECT e.campaign_id, i.user_id, e.number, e.amount_cents"
            " FROM envelope_id_tables t JOIN envelopes e ON e.campaign_id = t.campaign_id"
            " JOIN {} i ON i.id = e.number WHERE t.number = {}",
            table.name, table.number);
    }
    mysql.execute_text(sql);
}

/// Drops what no event uses any more, and no view names.
void drop_the_rest(MysqlConnection& mysql) {
    const auto used = tables_in_use(mysql);
    const auto found = mysql.query(
        "SELECT TABLE_NAME AS name FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'envelope\\_ids\\_%'");
    for (const auto& row : found) {
        const std::string name = row.text("name");
        const bool ours = name.find_first_not_of("0123456789", kPrefix.size()) == std::string::npos;
        const bool in_use = std::any_of(used.begin(), used.end(),
                                        [&](const IdTable& table) { return table.name == name; });
        if (ours && !in_use) mysql.execute_text("DROP TABLE IF EXISTS " + name);
    }
}

void refuse_too_many(MysqlConnection& mysql, std::string_view campaign) {
    const auto open = mysql.query(
        "SELECT campaign_id FROM envelope_id_tables WHERE campaign_id <> ?", {campaign});
    if (static_cast<std::int64_t>(open.size()) < kMostOpenEvents) return;
    throw BadRequest(
        fmt::format("{} events are open, each with its id table, which is the limit; close one "
                    "with POST /campaigns/{{id}}/close, e.g. '{}'",
                    open.size(), open.front().text("campaign_id")));
}

}  // namespace

IdTable::IdTable(std::int64_t its_number)
    : number(its_number), name(fmt::format("{}{}", kPrefix, its_number)) {}

void create_id_tables(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS envelope_id_tables ("
        " number BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL UNIQUE,"
        " is_made TINYINT(1) NOT NULL"
        ") ENGINE=InnoDB");
    const DefiningTables defining(mysql);
    mysql.execute("DELETE FROM envelope_id_tables WHERE is_made = 0");
    define_view(mysql);
    drop_the_rest(mysql);
}

void open_id_table(MysqlConnection& mysql, std::string_view campaign) {
    const DefiningTables defining(mysql);
    refuse_too_many(mysql, campaign);
    mysql.execute("DELETE FROM envelope_id_tables WHERE campaign_id = ? OR is_made = 0",
                  {campaign});
    const MysqlDone registered = mysql.execute(
        "INSERT INTO envelope_id_tables (campaign_id, is_made) VALUES (?, 0)", {campaign});
    const IdTable table(static_cast<std::int64_t>(registered.insert_id));
    mysql.execute_text(
        fmt::format("CREATE TABLE {} ("
                    " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
                    " user_id VARBINARY(64) NOT NULL UNIQUE,"
                    " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"
                    ") ENGINE=InnoDB AUTO_INCREMENT=1",
                    table.name));
    mysql.execute("UPDATE envelope_id_tables SET is_made = 1 WHERE number = ?", {table.number});
    define_view(mysql);
    drop_the_rest(mysql);
}

void close_id_table(MysqlConnection& mysql, std::string_view campaign) {
    const DefiningTables defining(mysql);
    Transaction transaction(mysql);
    const auto row = mysql.query_one(
        "SELECT number FROM envelope_id_tables WHERE campaign_id = ? FOR UPDATE", {campaign});
    if (!row) return;
    const IdTable table(row->int64("number"));
    mysql.execute(fmt::format("UPDATE envelopes e JOIN {} i ON i.id = e.number"
                              " SET e.user_id = i.user_id, e.claimed_at = i.created_at"
                              " WHERE e.campaign_id = ?",
                              table.name),
                  {campaign});
    mysql.execute("DELETE FROM envelope_id_tables WHERE number = ?", {table.number});
    transaction.commit();
    define_view(mysql);
    drop_the_rest(mysql);
}

bool is_open(MysqlConnection& mysql, const IdTable& table, std::string_view campaign) {
    return mysql
        .query_one(
            "SELECT 1 FROM envelope_id_tables WHERE number = ? AND campaign_id = ?"
            " LOCK IN SHARE MODE",
            {table.number, campaign})
        .has_value();
}

bool is_table_gone(const MysqlError& error) noexcept {
    return error.code() == kNoSuchTable;
}

OpenEvents::Entry OpenEvents::find(MysqlConnection& mysql, std::string_view campaign) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = known_.find(campaign); found != known_.end()) return found->second;
    }
    const auto row = mysql.query_one(
        "SELECT number FROM envelope_id_tables WHERE campaign_id = ? AND is_made = 1", {campaign});
    if (!row) return nullptr;
    const auto event = std::make_shared<OpenEvent>(IdTable(row->int64("number")));
    // Others may have found it meanwhile: all are to look at one `all_gone`.
    const std::lock_guard lock(mutex_);
    return known_.try_emplace(std::string(campaign), event).first->second;
}

void OpenEvents::forget(std::string_view campaign) {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(campaign); found != known_.end()) known_.erase(found);
}

}  // namespace claimstorm::reference
