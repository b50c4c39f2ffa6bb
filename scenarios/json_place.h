#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace claimstorm {

/// A JSON value together with where it stands, so that whatever is wrong with it can be told in
/// one line: file, JSON pointer, what, and what to do. Views a document that outlives it. Every
/// reader below throws UsageError.
class JsonPlace {
  public:
    JsonPlace(const nlohmann::json& value, std::string file, std::string pointer = "")
        : value_(&value), file_(std::move(file)), pointer_(std::move(pointer)) {}

    const nlohmann::json& value() const noexcept { return *value_; }
    /// "shop.json: /storm/users"
    std::string where() const;
    [[noreturn]] void fail(std::string_view what) const;

    /// Refuses members that are not in `keys`, with a 'did you mean'; refuses non-objects.
    void require_keys(const std::vector<std::string_view>& keys) const;
    void require_object() const;
    std::optional<JsonPlace> find(std::string_view key) const;
    JsonPlace at(std::string_view key) const;
    JsonPlace item(std::size_t index) const;
    std::vector<JsonPlace> items() const;                            ///< of an array
    std::vector<std::pair<std::string, JsonPlace>> members() const;  ///< of an object

    std::string string() const;
    std::string non_empty_string() const;
    bool boolean() const;
    double number(double low, double high) const;
    /// A whole number, or a text such as "10k".
    std::int64_t count(std::int64_t low,
                       std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
    std::chrono::nanoseconds duration(std::chrono::nanoseconds low) const;
    double rate_per_second() const;
    std::vector<std::string> strings() const;

  private:
    const nlohmann::json* value_;
    std::string file_;
    std::string pointer_;
};

/// Parses JSON with `//` and `/* */` comments. Throws UsageError with line and column for what is
/// not JSON, and for a key that stands twice in one object.
nlohmann::json parse_json_text(std::string_view text, const std::string& file);

/// Reads the whole of a file of at most 64 MiB. Throws UsageError when it cannot be read.
std::string read_text_file(const std::string& path, std::string_view what);

}  // namespace claimstorm
