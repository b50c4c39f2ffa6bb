#include "storm/csv.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
static_assert(kBufferBytes > CsvScanner::kRowBytesMax);

bool ends_plain_field(char c) {
    return c == ',' || c == '\n' || c == '\r' || c == '"';
}

}  // namespace

CsvRow::Result CsvRow::fail(const char* problem) {
    problem_ = problem;
    return Result::wrong;
}

/// What stands between quotes; `length_` is just behind the opening one, and then the closing one.
CsvRow::Result CsvRow::read_quoted(std::string_view text, bool is_last) {
    for (;;) {
        const std::size_t quote = text.find('"', length_);
        if (quote == std::string_view::npos) {
            return is_last ? fail("a quote is opened and not closed") : Result::need_more;
        }
        bytes_.append(text.substr(length_, quote - length_));
        length_ = quote + 1;
        if (length_ == text.size()) return is_last ? Result::row : Result::need_more;
        if (text[length_] != '"') return Result::row;
        bytes_.push_back('"');  // "" is a quote within quotes
        ++length_;
    }
}

CsvRow::Result CsvRow::read(std::string_view text, bool is_last) {
    bytes_.clear();
    ends_.clear();
    length_ = 0;
    bool was_quoted = false;
    for (;;) {
        was_quoted = length_ < text.size() && text[length_] == '"';
        if (was_quoted) {
            ++length_;
            const Result result = read_quoted(text, is_last);
            if (result != Result::row) return result;
        } else {
            const std::size_t begin = length_;
            while (length_ < text.size() && !ends_plain_field(text[length_])) ++length_;
            bytes_.append(text.substr(begin, length_ - begin));
        }
        ends_.push_back(bytes_.size());
        if (length_ == text.size()) {
            if (!is_last) return Result::need_more;
            break;
        }
        const char c = text[length_++];
        if (c == '\n') break;
        if (c == '\r') {
            if (length_ == text.size() && !is_last) return Result::need_more;
            if (length_ == text.size() || text[length_++] == '\n') break;
            return fail("a carriage return stands where no line ends; put the field in quotes");
        }
        if (c == ',') continue;
        return fail(was_quoted ? "something stands behind a closing quote"
                               : "a quote stands inside a field without quotes; put the field in "
                                 "quotes and write the one inside twice");
    }
    return ends_.size() == 1 && bytes_.empty() && !was_quoted ? Result::blank : Result::row;
}

std::size_t read_at(int file, char* bytes, std::size_t size, std::uint64_t offset,
                    const std::string& path) {
    std::size_t done = 0;
    while (done < size) {
        const ssize_t n =
            ::pread(file, bytes + done, size - done, static_cast<off_t>(offset + done));
        if (n == 0) break;
        if (n < 0) {
            if (errno == EINTR) continue;
            throw EnvironmentError(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
        }
        done += static_cast<std::size_t>(n);
    }
    return done;
}

void CsvScanner::fail(std::string_view what) const {
    throw UsageError(fmt::format("{}:{}: {}", path_, line_, what));
}

void CsvScanner::refill() {
    buffer_.erase(0, at_);
    buffer_at_ += at_;
    at_ = 0;
    const std::size_t kept = buffer_.size();
    buffer_.resize(kBufferBytes);
    const std::size_t read =
        read_at(file_, buffer_.data() + kept, buffer_.size() - kept, buffer_at_ + kept, path_);
    buffer_.resize(kept + read);
    is_last_ = buffer_.size() < kBufferBytes;
}

void CsvScanner::pass_over_mark() {
    if (buffer_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    if (buffer_.starts_with("\xFF\xFE") || buffer_.starts_with("\xFE\xFF")) {
        fail("this is UTF-16; save the file as UTF-8");
    }
}

bool CsvScanner::next() {
    for (;;) {
        line_ = next_line_;
        if (at_ == buffer_.size()) {
            if (is_last_) return false;
            const bool is_first = buffer_at_ == 0 && buffer_.empty();
            refill();
            if (is_first) pass_over_mark();
            continue;
        }
        offset_ = buffer_at_ + at_;
        const std::string_view rest = std::string_view(buffer_).substr(at_);
        const CsvRow::Result result = row_.read(rest, is_last_);
        const bool is_too_long = result == CsvRow::Result::need_more ? rest.size() > kRowBytesMax
                                                                     : row_.length() > kRowBytesMax;
        if (is_too_long) {
            fail(
                fmt::format("the row that begins here has more than {} KiB; is a quote not closed?",
                            kRowBytesMax / 1024));
        }
        if (result == CsvRow::Result::wrong) fail(row_.problem());
        if (result == CsvRow::Result::need_more) {
            refill();
            continue;
        }
        const std::string_view taken = rest.substr(0, row_.length());
        next_line_ += static_cast<std::uint64_t>(std::count(taken.begin(), taken.end(), '\n'));
        at_ += row_.length();
        if (result == CsvRow::Result::row) return true;
    }
}

}  // namespace claimstorm
