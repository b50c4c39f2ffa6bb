#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// One row of a CSV text (RFC 4180): its fields without their quotes. Used again and again, it
/// keeps its memory.
class CsvRow {
  public:
    std::size_t size() const noexcept { return ends_.size(); }
    /// Lives until the row is read anew. Precondition: `field < size()`.
    std::string_view operator[](std::size_t field) const noexcept {
        const std::size_t begin = field == 0 ? 0 : ends_[field - 1];
        return std::string_view(bytes_).substr(begin, ends_[field] - begin);
    }

    enum class Result : std::uint8_t {
        row,        ///< `length()` bytes of the text were a row
        blank,      ///< they were an empty line
        need_more,  ///< the row may go on behind the text
        wrong,      ///< `problem()` says why it can be no row
    };
    /// Reads the row at the text's beginning. `is_last`: nothing follows the text.
    /// Precondition: the text is not empty.
    Result read(std::string_view text, bool is_last);

    /// Bytes read, the line break included.
    std::size_t length() const noexcept { return length_; }
    const char* problem() const noexcept { return problem_; }

  private:
    Result read_quoted(std::string_view text, bool is_last);
    Result fail(const char* problem);

    std::string bytes_;              // all fields, one behind the other
    std::vector<std::size_t> ends_;  // where each ends in bytes_
    std::size_t length_ = 0;
    const char* problem_ = "";
};

/// Goes over the rows of a file from its first to its last; holds one buffer of it.
class CsvScanner {
  public:
    /// A row of more bytes is taken for an unclosed quote.
    static constexpr std::size_t kRowBytesMax = std::size_t{64} * 1024;

    /// Reads through `file`, which must outlive the scanner, whatever its position; `path` is for
    /// messages. Passes over a byte order mark.
    CsvScanner(int file, std::string path) : file_(file), path_(std::move(path)) {}

    /// The next row that is no empty line; false at the end. Throws UsageError naming file and line
    /// for what is no CSV, EnvironmentError when the file cannot be read.
    bool next();
    const CsvRow& row() const noexcept { return row_; }

    std::uint64_t line() const noexcept { return line_; }      ///< of the row's beginning, from 1
    std::uint64_t offset() const noexcept { return offset_; }  ///< of the row's first byte
    std::uint64_t end() const noexcept { return offset_ + row_.length(); }

    /// Throws UsageError: "accounts.csv:17: …".
    [[noreturn]] void fail(std::string_view what) const;

  private:
    void refill();
    void pass_over_mark();

    int file_;
    std::string path_;
    std::string buffer_;
    std::size_t at_ = 0;           // of the next row in the buffer
    std::uint64_t buffer_at_ = 0;  // of the buffer in the file
    bool is_last_ = false;         // the file ends with the buffer
    std::uint64_t next_line_ = 1;
    std::uint64_t line_ = 0;
    std::uint64_t offset_ = 0;
    CsvRow row_;
};

/// Reads `size` bytes at `offset`, or as many as there are. Throws EnvironmentError.
std::size_t read_at(int file, char* bytes, std::size_t size, std::uint64_t offset,
                    const std::string& path);

}  // namespace claimstorm
