#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mysql.h>

#include "stores/mysql.h"

namespace claimstorm {

/// One prepared statement of one connection, with the buffers its rows are read into.
/// Used by MysqlConnection alone; throws MysqlError through it.
class MysqlStatement {
  public:
    MysqlStatement(MysqlConnection& connection, MYSQL* mysql, std::string_view sql);

    std::string_view sql() const noexcept { return sql_; }

    /// Binds and runs. Rows, if any, wait to be fetched; call `finish` in the end.
    void run(std::span<const MysqlValue> params);
    /// The next row in `values()`, or false. Rows come straight from the socket.
    bool fetch();
    std::span<const MysqlValue> values() const noexcept { return values_; }
    const std::shared_ptr<const std::vector<std::string>>& columns() const { return columns_; }
    MysqlDone done() const;
    /// Reads and drops whatever is still to come. Must be called before the connection is used
    /// for anything else. Returns false when the connection broke meanwhile.
    bool finish() noexcept;

  private:
    using Flag = std::remove_pointer_t<decltype(MYSQL_BIND::is_null)>;  // char, or bool in MySQL 8

    /// Where one column of the current row arrives.
    struct Cell {
        enum class Kind : std::uint8_t { integer, real, text, bits } kind = Kind::text;
        bool is_unsigned = false;
        Flag is_null{};
        Flag truncated{};
        unsigned long length = 0;
        std::int64_t integer = 0;
        double real = 0;
        std::vector<char> bytes;
    };

    struct Closer {
        void operator()(MYSQL_STMT* statement) const noexcept { mysql_stmt_close(statement); }
    };

    [[noreturn]] void fail();
    void describe_columns();
    void bind_columns();
    void fetch_rest(unsigned column);
    static MysqlValue value_of(Cell& cell);

    MysqlConnection& connection_;
    std::string sql_;
    std::unique_ptr<MYSQL_STMT, Closer> statement_;
    std::shared_ptr<const std::vector<std::string>> columns_;
    std::vector<Cell> cells_;
    std::vector<MYSQL_BIND> binds_;
    std::vector<MysqlValue> values_;
};

}  // namespace claimstorm
