#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "model/error.h"
#include "stores/mysql_row.h"
#include "stores/url.h"

struct st_mysql;  // MYSQL of <mysql.h>, which stays behind stores/

namespace claimstorm {

class MysqlStatement;

/// What MySQL or its client library refused. One line; as an Error it ends as exit status 3 where
/// nobody catches it.
class MysqlError : public EnvironmentError {
  public:
    /// `code` is the server's or the client library's number (1062, 2013 …); `statement` is the
    /// SQL with its placeholders, empty for a failed connect.
    MysqlError(unsigned code, std::string sqlstate, std::string_view message,
               std::string statement);

    unsigned code() const noexcept { return code_; }
    const std::string& sqlstate() const noexcept { return sqlstate_; }
    const std::string& statement() const noexcept { return statement_; }

  private:
    unsigned code_;
    std::string sqlstate_;
    std::string statement_;
};

/// 1213: InnoDB chose this transaction as the victim and has rolled it back whole: run it again.
bool is_deadlock(const MysqlError& error) noexcept;
/// 1205: only the *statement* was rolled back; the transaction is still open, with half its work.
bool is_lock_wait_timeout(const MysqlError& error) noexcept;
/// 1062: a unique key refused the row.
bool is_duplicate_key(const MysqlError& error) noexcept;
/// The connection broke, or an answer did not come in time: whether the statement took effect is
/// unknown, and the connection is of no more use.
bool is_connection_lost(const MysqlError& error) noexcept;

struct MysqlOptions {
    std::chrono::milliseconds connect_timeout{5000};
    /// For each read and each write; the client library counts whole seconds, rounded up here.
    std::chrono::milliseconds io_timeout{30000};
    /// Prepared statements kept open, the least recently used is closed first. At least 1.
    std::size_t statements_kept = 64;
    /// Whatever the statements are, the server refuses those of this connection that would write.
    bool read_only = false;
};

/// What a statement that returns no rows did.
struct MysqlDone {
    std::uint64_t affected_rows = 0;  ///< rows changed, not rows matched
    std::uint64_t insert_id = 0;      ///< the AUTO_INCREMENT value, 0 if none
};

/// The bound values of one statement, made in the call: `execute(sql, {campaign, 7, nullptr})`.
/// Holds views: nothing is copied, so it must not outlive the full expression.
class MysqlParams {
  public:
    MysqlParams() = default;
    MysqlParams(std::initializer_list<MysqlValue> values)  // NOLINT: conversion is the point
        : values_(values.begin(), values.size()) {}
    MysqlParams(std::span<const MysqlValue> values) : values_(values) {}  // NOLINT

    std::span<const MysqlValue> values() const noexcept { return values_; }

  private:
    std::span<const MysqlValue> values_;
};

/// One connection to MySQL or MariaDB. Never reconnects and never repeats a statement by itself.
///
/// Threads: a connection is used by one thread at a time, any thread; different connections are
/// independent. What the client library wants done once a process (mysql_library_init) and once a
/// thread (mysql_thread_init, mysql_thread_end) is done here.
///
/// Values are bound to `?` placeholders of prepared statements, which are kept by their SQL text:
/// write the same statement always with the same text.
///
/// All members throw MysqlError.
class MysqlConnection {
  public:
    explicit MysqlConnection(const MysqlAddress& address, const MysqlOptions& options = {});
    ~MysqlConnection();
    MysqlConnection(const MysqlConnection&) = delete;
    MysqlConnection& operator=(const MysqlConnection&) = delete;

    /// Runs a statement; rows, if it returns any, are read and thrown away.
    MysqlDone execute(std::string_view sql, MysqlParams params = {});
    /// The first row, or nullopt; further rows are thrown away.
    std::optional<MysqlRecord> query_one(std::string_view sql, MysqlParams params = {});
    /// All rows, in memory: for small results.
    std::vector<MysqlRecord> query(std::string_view sql, MysqlParams params = {});
    /// Calls `take` for each row as it arrives; nothing is stored, so memory stays flat however
    /// many rows there are. The row lives during the call. The connection cannot be used inside
    /// `take`. When `take` throws, the rest of the result is read and dropped first. `columns`, if
    /// given, is called once before, also when no row comes: with a row of names and no values.
    void for_each_row(std::string_view sql, MysqlParams params,
                      const std::function<void(const MysqlRow&)>& take,
                      const std::function<void(const MysqlRow&)>& columns = {});
    /// Runs a statement without preparing it: for those that cannot be prepared. It has no bound
    /// values, so nothing that came from outside may be pasted into it.
    MysqlDone execute_text(std::string_view sql);

    /// False once an error has shown that the connection is lost.
    bool is_usable() const noexcept { return usable_; }

  private:
    friend class MysqlStatement;

    MysqlStatement& prepared(std::string_view sql);
    MysqlStatement& run(std::string_view sql, MysqlParams params);
    [[noreturn]] void fail(unsigned code, const char* sqlstate, std::string_view message,
                           std::string_view sql);

    struct Closer {
        void operator()(st_mysql* mysql) const noexcept;
    };

    bool usable_ = true;
    std::size_t statements_kept_;
    std::unique_ptr<st_mysql, Closer> mysql_;
    // Most recently used first. The keys are views of the statements' own text.
    std::list<MysqlStatement> statements_;
    std::unordered_map<std::string_view, std::list<MysqlStatement>::iterator> by_text_;
};

/// A transaction that is rolled back unless `commit()` was reached.
class Transaction {
  public:
    explicit Transaction(MysqlConnection& mysql);
    /// Rolls back if still open. A rollback that fails is not reported: the connection is lost
    /// then, and the server rolls back when it notices.
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// When this throws with `is_connection_lost`, whether it was committed is unknown.
    void commit();
    void rollback();

  private:
    MysqlConnection& mysql_;
    bool open_ = true;
};

}  // namespace claimstorm
