#include "stores/mysql_row.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/error.h"

namespace claimstorm {
namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

/// "12" and "12.000", not "12.5".
bool read_whole(std::string_view text, std::int64_t& number) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{}) return false;
    if (stop == end) return true;
    return *stop == '.' && std::all_of(stop + 1, end, [](char c) { return c == '0'; });
}

}  // namespace

bool MysqlRow::has(std::string_view column) const noexcept {
    return std::any_of(columns_.begin(), columns_.end(),
                       [&](const std::string& name) { return same_name(name, column); });
}

std::size_t MysqlRow::position(std::string_view column) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (same_name(columns_[i], column)) return i;
    }
    throw UsageError(fmt::format("the query returns no column '{}': its columns are {}", column,
                                 fmt::join(columns_, ", ")));
}

const MysqlValue& MysqlRow::operator[](std::size_t column) const {
    if (column < values_.size()) return values_[column];
    throw UsageError(fmt::format("the query returns {} columns, and number {} was asked for",
                                 values_.size(), column + 1));
}

const MysqlValue& MysqlRow::operator[](std::string_view column) const {
    return values_[position(column)];
}

bool MysqlRow::is_null(std::size_t column) const {
    return std::holds_alternative<std::nullptr_t>((*this)[column]);
}

std::int64_t MysqlRow::int64(std::size_t column) const {
    const MysqlValue& value = (*this)[column];
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    std::int64_t number = 0;
    if (const auto* real = std::get_if<double>(&value)) {
        constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it doubles skip integers
        if (std::trunc(*real) == *real && std::abs(*real) <= kExact) {
            return static_cast<std::int64_t>(*real);
        }
    } else if (const auto* letters = std::get_if<std::string_view>(&value)) {
        if (read_whole(*letters, number)) return number;
    }
    throw UsageError(fmt::format("the column '{}' holds {} where a whole number is needed",
                                 columns_[column],
                                 is_null(column) ? "NULL" : "'" + text(column) + "'"));
}

std::string MysqlRow::text(std::size_t column) const {
    std::string digits;
    return std::string(text(column, digits));
}

std::string_view MysqlRow::text(std::size_t column, std::string& digits) const {
    const MysqlValue& value = (*this)[column];
    if (const auto* letters = std::get_if<std::string_view>(&value)) return *letters;
    if (std::holds_alternative<std::nullptr_t>(value)) {
        throw UsageError(
            fmt::format("the column '{}' is NULL where a value is needed", columns_[column]));
    }
    digits.clear();
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        fmt::format_to(std::back_inserter(digits), "{}", *number);
    } else {
        fmt::format_to(std::back_inserter(digits), "{}", std::get<double>(value));
    }
    return digits;
}

MysqlRecord::MysqlRecord(std::shared_ptr<const std::vector<std::string>> columns,
                         const MysqlRow& row)
    : MysqlRow(*columns, {}), names_(std::move(columns)) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (const auto* text = std::get_if<std::string_view>(&row[i])) bytes += text->size();
    }
    bytes_ = std::make_unique<char[]>(bytes);
    copies_.reserve(row.size());
    char* next = bytes_.get();
    for (std::size_t i = 0; i < row.size(); ++i) {
        if (const auto* text = std::get_if<std::string_view>(&row[i])) {
            std::copy(text->begin(), text->end(), next);
            copies_.emplace_back(std::string_view(next, text->size()));
            next += text->size();
        } else {
            copies_.push_back(row[i]);
        }
    }
    values_ = copies_;
}

}  // namespace claimstorm
