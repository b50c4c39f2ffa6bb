#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace claimstorm {

/// One SQL value, bound or read. Read values: every integer type is int64, FLOAT and DOUBLE are
/// double, BIT is int64, all else (DECIMAL, dates, BIGINT UNSIGNED beyond int64) is its text.
using MysqlValue = std::variant<std::nullptr_t, std::int64_t, double, std::string_view>;

/// A row as it is read: views that live as long as the callback's call.
/// Columns are asked for by position from 0 or by name; a wrong one throws UsageError, since the
/// names come from the user's own query.
class MysqlRow {
  public:
    MysqlRow(std::span<const std::string> columns, std::span<const MysqlValue> values)
        : columns_(columns), values_(values) {}

    std::span<const std::string> columns() const noexcept { return columns_; }
    std::size_t size() const noexcept { return values_.size(); }
    /// Whether the result has such a column. Names compare without regard to ASCII case.
    bool has(std::string_view column) const noexcept;
    /// The position of a column. Throws UsageError, naming the columns there are.
    std::size_t position(std::string_view column) const;

    const MysqlValue& operator[](std::size_t column) const;
    const MysqlValue& operator[](std::string_view column) const;

    bool is_null(std::size_t column) const;
    bool is_null(std::string_view column) const { return is_null(position(column)); }
    /// A whole number, also from text such as the DECIMAL that SUM() gives ("12", "12.00").
    /// Throws UsageError for NULL and for what is no whole number.
    std::int64_t int64(std::size_t column) const;
    std::int64_t int64(std::string_view column) const { return int64(position(column)); }
    /// The value's text; numbers are written out. Throws UsageError for NULL.
    std::string text(std::size_t column) const;
    std::string text(std::string_view column) const { return text(position(column)); }
    /// The same without a string of its own: a view of the row, or of `digits`, which is written
    /// to when the value is a number.
    std::string_view text(std::size_t column, std::string& digits) const;

  protected:
    std::span<const std::string> columns_;
    std::span<const MysqlValue> values_;
};

/// A row that owns its values.
class MysqlRecord : public MysqlRow {
  public:
    MysqlRecord(std::shared_ptr<const std::vector<std::string>> columns, const MysqlRow& row);

  private:
    std::shared_ptr<const std::vector<std::string>> names_;
    std::vector<MysqlValue> copies_;  // text points into bytes_; both stay put when moved
    std::unique_ptr<char[]> bytes_;
};

}  // namespace claimstorm
