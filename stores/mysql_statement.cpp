#include "stores/mysql_statement.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

// Most texts of this trade are ids; a longer one is fetched again and the buffer stays grown.
constexpr std::size_t kFirstTextBytes = 256;

void bind_param(MYSQL_BIND& bind, const MysqlValue& value) {
    // The client library takes pointers to non-const and only reads through them.
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        bind.buffer_type = MYSQL_TYPE_LONGLONG;
        bind.buffer = const_cast<std::int64_t*>(number);
    } else if (const auto* real = std::get_if<double>(&value)) {
        bind.buffer_type = MYSQL_TYPE_DOUBLE;
        bind.buffer = const_cast<double*>(real);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
        bind.buffer_type = MYSQL_TYPE_STRING;
        bind.buffer = const_cast<char*>(text->data() == nullptr ? "" : text->data());
        bind.buffer_length = text->size();
        bind.length_value = text->size();
    } else {
        bind.buffer_type = MYSQL_TYPE_NULL;
    }
}

bool is_integer(enum_field_types type) {
    return type == MYSQL_TYPE_TINY || type == MYSQL_TYPE_SHORT || type == MYSQL_TYPE_INT24 ||
           type == MYSQL_TYPE_LONG || type == MYSQL_TYPE_LONGLONG || type == MYSQL_TYPE_YEAR;
}

}  // namespace

MysqlStatement::MysqlStatement(MysqlConnection& connection, MYSQL* mysql, std::string_view sql)
    : connection_(connection), sql_(sql), statement_(mysql_stmt_init(mysql)) {
    if (!statement_) connection_.fail(2008, "HY000", "the client is out of memory", sql_);
    if (mysql_stmt_prepare(statement_.get(), sql_.data(), sql_.size()) != 0) fail();
}

void MysqlStatement::fail() {
    connection_.fail(mysql_stmt_errno(statement_.get()), mysql_stmt_sqlstate(statement_.get()),
                     mysql_stmt_error(statement_.get()), sql_);
}

void MysqlStatement::run(std::span<const MysqlValue> params) {
    const std::size_t wanted = mysql_stmt_param_count(statement_.get());
    if (params.size() != wanted) {
        throw UsageError(fmt::format("the statement has {} placeholders and got {} values: {}",
                                     wanted, params.size(), sql_));
    }
    std::vector<MYSQL_BIND> binds(params.size());
    for (std::size_t i = 0; i < params.size(); ++i) {
        bind_param(binds[i], params[i]);
        if (binds[i].buffer_type == MYSQL_TYPE_STRING) binds[i].length = &binds[i].length_value;
    }
    if (!binds.empty() && mysql_stmt_bind_param(statement_.get(), binds.data()) != 0) fail();
    if (mysql_stmt_execute(statement_.get()) != 0) fail();
    // The columns are described anew each time: a table may have been altered since.
    if (mysql_stmt_field_count(statement_.get()) > 0) {
        describe_columns();
        bind_columns();
    }
}

void MysqlStatement::describe_columns() {
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> metadata(
        mysql_stmt_result_metadata(statement_.get()), &mysql_free_result);
    if (!metadata) fail();
    const std::span<MYSQL_FIELD> fields(mysql_fetch_fields(metadata.get()),
                                        mysql_num_fields(metadata.get()));
    const auto unchanged = [&](const MYSQL_FIELD& field, const std::string& name) {
        return std::string_view(field.name, field.name_length) == name;
    };
    if (!columns_ ||
        !std::equal(fields.begin(), fields.end(), columns_->begin(), columns_->end(), unchanged)) {
        std::vector<std::string> names;
        for (const MYSQL_FIELD& field : fields) names.emplace_back(field.name, field.name_length);
        columns_ = std::make_shared<const std::vector<std::string>>(std::move(names));
    }
    cells_.resize(fields.size());
    values_.assign(fields.size(), nullptr);
    for (std::size_t i = 0; i < fields.size(); ++i) {
        Cell& cell = cells_[i];
        const enum_field_types type = fields[i].type;
        cell.is_unsigned = (fields[i].flags & UNSIGNED_FLAG) != 0;
        if (is_integer(type)) {
            cell.kind = Cell::Kind::integer;
        } else if (type == MYSQL_TYPE_FLOAT || type == MYSQL_TYPE_DOUBLE) {
            cell.kind = Cell::Kind::real;
        } else {
            cell.kind = type == MYSQL_TYPE_BIT ? Cell::Kind::bits : Cell::Kind::text;
            if (cell.bytes.empty()) cell.bytes.resize(kFirstTextBytes);
        }
    }
}

void MysqlStatement::bind_columns() {
    binds_.assign(cells_.size(), MYSQL_BIND{});
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        Cell& cell = cells_[i];
        MYSQL_BIND& bind = binds_[i];
        bind.is_null = &cell.is_null;
        bind.error = &cell.truncated;
        bind.length = &cell.length;
        bind.is_unsigned = static_cast<Flag>(cell.is_unsigned);
        switch (cell.kind) {
            case Cell::Kind::integer:
                bind.buffer_type = MYSQL_TYPE_LONGLONG;
                bind.buffer = &cell.integer;
                break;
            case Cell::Kind::real:
                bind.buffer_type = MYSQL_TYPE_DOUBLE;
                bind.buffer = &cell.real;
                break;
            case Cell::Kind::bits:
            case Cell::Kind::text:
                bind.buffer_type =
                    cell.kind == Cell::Kind::text ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
                bind.buffer = cell.bytes.data();
                bind.buffer_length = cell.bytes.size();
                break;
        }
    }
    if (mysql_stmt_bind_result(statement_.get(), binds_.data()) != 0) fail();
}

bool MysqlStatement::fetch() {
    const int fetched = mysql_stmt_fetch(statement_.get());
    if (fetched == MYSQL_NO_DATA) return false;
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) fail();
    bool grown = false;
    for (unsigned i = 0; i < cells_.size(); ++i) {
        Cell& cell = cells_[i];
        const bool has_bytes = cell.kind == Cell::Kind::text || cell.kind == Cell::Kind::bits;
        if (cell.is_null == 0 && has_bytes && cell.length > cell.bytes.size()) {
            fetch_rest(i);
            grown = true;
        }
        values_[i] = value_of(cell);
    }
    // Later rows arrive in the grown buffers; the values just read point there already.
    if (grown) bind_columns();
    return true;
}

void MysqlStatement::fetch_rest(unsigned column) {
    Cell& cell = cells_[column];
    cell.bytes.resize(std::max<std::size_t>(cell.length, 2 * cell.bytes.size()));
    MYSQL_BIND bind = binds_[column];
    bind.buffer = cell.bytes.data();
    bind.buffer_length = cell.bytes.size();
    if (mysql_stmt_fetch_column(statement_.get(), &bind, column, 0) != 0) fail();
}

MysqlValue MysqlStatement::value_of(Cell& cell) {
    if (cell.is_null != 0) return nullptr;
    switch (cell.kind) {
        case Cell::Kind::integer:
            if (cell.is_unsigned && cell.integer < 0) {  // beyond int64: its digits
                constexpr std::size_t kDigits = std::numeric_limits<std::uint64_t>::digits10 + 1;
                cell.bytes.resize(std::max(cell.bytes.size(), kDigits));
                const auto [end, error] =
                    std::to_chars(cell.bytes.data(), cell.bytes.data() + kDigits,
                                  static_cast<std::uint64_t>(cell.integer));
                return std::string_view(cell.bytes.data(),
                                        static_cast<std::size_t>(end - cell.bytes.data()));
            }
            return cell.integer;
        case Cell::Kind::real:
            return cell.real;
        case Cell::Kind::bits: {  // BIT(n) arrives as up to 8 bytes, the highest first
            std::uint64_t bits = 0;
            for (std::size_t i = 0; i < cell.length; ++i) {
                bits = (bits << 8U) | static_cast<unsigned char>(cell.bytes[i]);
            }
            return static_cast<std::int64_t>(bits);
        }
        case Cell::Kind::text:
            break;
    }
    return std::string_view(cell.bytes.data(), cell.length);
}

MysqlDone MysqlStatement::done() const {
    const auto affected = mysql_stmt_affected_rows(statement_.get());
    // All ones: the statement returned rows instead.
    return {affected == std::numeric_limits<decltype(affected)>::max() ? 0 : affected,
            mysql_stmt_insert_id(statement_.get())};
}

bool MysqlStatement::finish() noexcept {
    bool ok = mysql_stmt_free_result(statement_.get()) == 0;
    // CALL returns one result after another.
    while (ok && mysql_stmt_more_results(statement_.get()) != 0) {
        ok = mysql_stmt_next_result(statement_.get()) <= 0 &&
             mysql_stmt_free_result(statement_.get()) == 0;
    }
    return ok;
}

}  // namespace claimstorm
