#include "stores/mysql.h"

#include <algorithm>
#include <errmsg.h>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <mysql.h>
#include <mysqld_error.h>

#include "stores/mysql_statement.h"

namespace claimstorm {
namespace {

constexpr std::size_t kStatementShown = 160;

/// One line of at most `kStatementShown` characters.
std::string shorten(std::string_view sql) {
    std::string line(sql.substr(0, kStatementShown));
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return sql.size() > kStatementShown ? line + "…" : line;
}

std::string describe(unsigned code, std::string_view sqlstate, std::string_view message,
                     std::string_view statement) {
    if (statement.empty()) return std::string(message);
    return fmt::format("MySQL says {} ({}): {}, to: {}", code, sqlstate, shorten(message),
                       shorten(statement));
}

/// Tells the client library about this thread, once, and when the thread ends.
void enter_thread() {
    static std::once_flag once;
    std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
    struct Guard {
        Guard() { mysql_thread_init(); }
        ~Guard() { mysql_thread_end(); }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
    };
    thread_local const Guard guard;
}

void set_tls(MYSQL* mysql, const MysqlAddress& address) {
    const MysqlTls tls = address.tls;
    if (tls == MysqlTls::off) return;
    using Flag = std::remove_pointer_t<decltype(MYSQL_BIND::is_null)>;
    const Flag enforce = 1;
    const Flag verify = tls == MysqlTls::verify ? 1 : 0;
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (!address.ca.empty()) mysql_options(mysql, MYSQL_OPT_SSL_CA, address.ca.c_str());
}

std::string cannot_connect(const MysqlAddress& address, unsigned code, std::string_view why) {
    std::string_view advice = "check the URL";
    if (code == CR_CONNECTION_ERROR || code == CR_CONN_HOST_ERROR) {
        advice = "is the server running there?";
    } else if (code == ER_ACCESS_DENIED_ERROR || code == ER_DBACCESS_DENIED_ERROR) {
        advice = "check user and password";
    } else if (code == ER_CON_COUNT_ERROR) {
        advice = "open fewer connections, or raise max_connections there";
    } else if (code == CR_SSL_CONNECTION_ERROR) {
        advice = "check tls and ca in the URL, and the server's certificate";
    } else if (code == ER_BAD_DB_ERROR) {
        advice = "create the database first";
    }
    return fmt::format("cannot connect to {}: {} ({}); {}", to_string(address), shorten(why), code,
                       advice);
}

}  // namespace

MysqlError::MysqlError(unsigned code, std::string sqlstate, std::string_view message,
                       std::string statement)
    : EnvironmentError(describe(code, sqlstate, message, statement)),
      code_(code),
      sqlstate_(std::move(sqlstate)),
      statement_(std::move(statement)) {}

bool is_deadlock(const MysqlError& error) noexcept {
    return error.code() == ER_LOCK_DEADLOCK;
}

bool is_lock_wait_timeout(const MysqlError& error) noexcept {
    return error.code() == ER_LOCK_WAIT_TIMEOUT;
}

bool is_duplicate_key(const MysqlError& error) noexcept {
    return error.code() == ER_DUP_ENTRY;
}

bool is_connection_lost(const MysqlError& error) noexcept {
    constexpr unsigned kServerShutdown = 1053;
    constexpr unsigned kConnectionKilled = 1927;          // MariaDB, after KILL
    constexpr unsigned kClientInteractionTimeout = 4031;  // MySQL 8.0.24 and later
    switch (error.code()) {
        case CR_CONNECTION_ERROR:
        case CR_CONN_HOST_ERROR:
        case CR_SERVER_GONE_ERROR:
        case CR_SERVER_LOST:
        case CR_SERVER_LOST_EXTENDED:
        case CR_MALFORMED_PACKET:
        case CR_COMMANDS_OUT_OF_SYNC:
        case kServerShutdown:
        case kConnectionKilled:
        case kClientInteractionTimeout:
            return true;
        default:
            return false;
    }
}

void MysqlConnection::Closer::operator()(st_mysql* mysql) const noexcept {
    mysql_close(mysql);
}

MysqlConnection::MysqlConnection(const MysqlAddress& address, const MysqlOptions& options)
    : statements_kept_(std::max<std::size_t>(options.statements_kept, 1)) {
    enter_thread();
    mysql_.reset(mysql_init(nullptr));
    if (!mysql_) throw MysqlError(CR_OUT_OF_MEMORY, "HY000", "the MySQL client has no memory", "");
    const auto whole_seconds = [](std::chrono::milliseconds timeout) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
        return static_cast<unsigned>(std::max<std::int64_t>(seconds, 1));
    };
    const unsigned connect_s = whole_seconds(options.connect_timeout);
    const unsigned io_s = whole_seconds(options.io_timeout);
    mysql_options(mysql_.get(), MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(mysql_.get(), MYSQL_OPT_READ_TIMEOUT, &io_s);
    mysql_options(mysql_.get(), MYSQL_OPT_WRITE_TIMEOUT, &io_s);
    mysql_options(mysql_.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    // Without this a server may ask the client for any of its files.
    const unsigned no = 0;
    mysql_options(mysql_.get(), MYSQL_OPT_LOCAL_INFILE, &no);
    set_tls(mysql_.get(), address);

    const char* socket = address.socket.empty() ? nullptr : address.socket.c_str();
    // The library takes "localhost" to mean its default unix socket; a URL means what it says.
    const char* host = address.host == "localhost" ? "127.0.0.1" : address.host.c_str();
    const char* database = address.database.empty() ? nullptr : address.database.c_str();
    if (mysql_real_connect(mysql_.get(), socket != nullptr ? "localhost" : host,
                           address.user.c_str(), address.password.c_str(), database, address.port,
                           socket, CLIENT_MULTI_RESULTS) == nullptr) {
        const unsigned code = mysql_errno(mysql_.get());
        throw MysqlError(code, mysql_sqlstate(mysql_.get()),
                         cannot_connect(address, code, mysql_error(mysql_.get())), "");
    }
    // The client library goes on in the clear where the server offers no TLS, whatever was asked.
    if (address.tls != MysqlTls::off && mysql_get_ssl_cipher(mysql_.get()) == nullptr) {
        throw MysqlError(
            CR_SSL_CONNECTION_ERROR, "HY000",
            fmt::format("cannot connect to {}: the server offers no TLS; switch it on there, or "
                        "leave tls out of the URL",
                        to_string(address)),
            "");
    }
    if (options.read_only) execute_text("SET SESSION TRANSACTION READ ONLY");
}

MysqlConnection::~MysqlConnection() = default;

void MysqlConnection::fail(unsigned code, const char* sqlstate, std::string_view message,
                           std::string_view sql) {
    MysqlError error(code, sqlstate, message, std::string(sql));
    if (is_connection_lost(error)) usable_ = false;
    throw error;
}

MysqlStatement& MysqlConnection::prepared(std::string_view sql) {
    enter_thread();
    if (const auto found = by_text_.find(sql); found != by_text_.end()) {
        statements_.splice(statements_.begin(), statements_, found->second);
        return statements_.front();
    }
    statements_.emplace_front(*this, mysql_.get(), sql);
    by_text_.emplace(statements_.front().sql(), statements_.begin());
    if (statements_.size() > statements_kept_) {
        by_text_.erase(statements_.back().sql());
        statements_.pop_back();
    }
    return statements_.front();
}

MysqlStatement& MysqlConnection::run(std::string_view sql, MysqlParams params) {
    MysqlStatement& statement = prepared(sql);
    try {
        statement.run(params.values());
    } catch (const MysqlError& error) {
        // The table was altered and the result has other columns now: prepare anew next time.
        if (error.code() == CR_NEW_STMT_METADATA) {
            by_text_.erase(statement.sql());
            statements_.pop_front();
        }
        throw;
    }
    return statement;
}

MysqlDone MysqlConnection::execute(std::string_view sql, MysqlParams params) {
    MysqlStatement& statement = run(sql, params);
    const MysqlDone done = statement.done();
    if (!statement.finish()) {
        fail(mysql_errno(mysql_.get()), mysql_sqlstate(mysql_.get()), mysql_error(mysql_.get()),
             sql);
    }
    return done;
}

std::optional<MysqlRecord> MysqlConnection::query_one(std::string_view sql, MysqlParams params) {
    std::optional<MysqlRecord> first;
    MysqlStatement& statement = run(sql, params);
    if (statement.columns() && statement.fetch()) {
        first.emplace(statement.columns(), MysqlRow(*statement.columns(), statement.values()));
    }
    // The client library drops what follows the first row and reports no error it meets there. But
    // when the connection broke, the transaction is gone: whoever is not told goes on outside of
    // it.
    const bool finished = statement.finish();
    if (!finished) usable_ = false;
    if (const unsigned code = mysql_errno(mysql_.get()); code != 0 || !finished) {
        fail(code, mysql_sqlstate(mysql_.get()), mysql_error(mysql_.get()), sql);
    }
    return first;
}

std::vector<MysqlRecord> MysqlConnection::query(std::string_view sql, MysqlParams params) {
    std::vector<MysqlRecord> records;
    std::shared_ptr<const std::vector<std::string>> columns;
    for_each_row(sql, params, [&](const MysqlRow& row) {
        if (!columns) {
            columns = std::make_shared<const std::vector<std::string>>(row.columns().begin(),
                                                                       row.columns().end());
        }
        records.emplace_back(columns, row);
    });
    return records;
}

void MysqlConnection::for_each_row(std::string_view sql, MysqlParams params,
                                   const std::function<void(const MysqlRow&)>& take,
                                   const std::function<void(const MysqlRow&)>& columns) {
    MysqlStatement& statement = run(sql, params);
    // Also when `take` throws: what it leaves unread would be taken for the next answer.
    struct Finish {
        MysqlStatement& statement;
        bool& usable;
        ~Finish() {
            if (!statement.finish()) usable = false;
        }
    };
    const Finish finish{statement, usable_};
    if (!statement.columns()) return;
    if (columns) columns(MysqlRow(*statement.columns(), {}));
    while (statement.fetch()) take(MysqlRow(*statement.columns(), statement.values()));
}

MysqlDone MysqlConnection::execute_text(std::string_view sql) {
    enter_thread();
    const auto refuse = [&] {
        fail(mysql_errno(mysql_.get()), mysql_sqlstate(mysql_.get()), mysql_error(mysql_.get()),
             sql);
    };
    if (mysql_real_query(mysql_.get(), sql.data(), sql.size()) != 0) refuse();
    std::optional<MysqlDone> first;
    int next = 0;
    for (; next == 0; next = mysql_next_result(mysql_.get())) {
        MysqlDone done;
        if (MYSQL_RES* rows = mysql_use_result(mysql_.get()); rows != nullptr) {
            mysql_free_result(rows);  // reads and drops them
        } else if (mysql_field_count(mysql_.get()) != 0) {
            refuse();
        } else {
            done = {mysql_affected_rows(mysql_.get()), mysql_insert_id(mysql_.get())};
        }
        if (!first) first = done;
    }
    if (next > 0) refuse();
    return *first;
}

Transaction::Transaction(MysqlConnection& mysql) : mysql_(mysql) {
    mysql_.execute_text("START TRANSACTION");
}

Transaction::~Transaction() {
    try {
        if (open_ && mysql_.is_usable()) mysql_.execute_text("ROLLBACK");
    } catch (const MysqlError&) {  // NOLINT(bugprone-empty-catch): see the header
    }
}

void Transaction::commit() {
    mysql_.execute_text("COMMIT");
    open_ = false;
}

void Transaction::rollback() {
    open_ = false;
    mysql_.execute_text("ROLLBACK");
}

}  // namespace claimstorm
