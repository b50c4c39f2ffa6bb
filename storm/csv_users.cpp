#include "storm/csv_users.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>

#include <fmt/format.h>

#include "model/error.h"
#include "storm/csv.h"
#include "storm/request_template.h"

namespace claimstorm {
namespace {

constexpr std::uint32_t kStride = 16;  // rows from one known offset to the next
constexpr std::size_t kColumnsMax = 256;
constexpr std::size_t kHashesMax = std::size_t{4} << 20U;
/// Hashes seen twice that are looked into; more can only be when names really repeat.
constexpr std::size_t kSuspectsMax = 1000;

class OpenFile {
  public:
    explicit OpenFile(const std::string& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (descriptor_ < 0) {
            throw UsageError(
                fmt::format("the users' file '{}' cannot be read: {}", path, std::strerror(errno)));
        }
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
            ::close(descriptor_);
            throw UsageError(
                fmt::format("'{}' is no regular file: users are fetched from all over it", path));
        }
    }
    ~OpenFile() { ::close(descriptor_); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    int descriptor() const noexcept { return descriptor_; }

  private:
    int descriptor_;
};

bool is_placeholder(std::string_view name) {
    const auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && std::all_of(name.begin(), name.end(), is_part) &&
           (name.front() < '0' || name.front() > '9');
}

std::vector<std::string> read_columns(CsvScanner& scanner) {
    const std::vector<std::string_view> taken = poll_placeholders();
    if (!scanner.next()) scanner.fail("the file is empty; its first row names the columns");
    const CsvRow& row = scanner.row();
    if (row.size() > kColumnsMax) {
        scanner.fail(fmt::format("{} columns; at most {} are read", row.size(), kColumnsMax));
    }
    std::vector<std::string> columns;
    columns.reserve(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) {
        std::string name(row[i]);
        if (!is_placeholder(name)) {
            scanner.fail(fmt::format(
                "the first row names the columns, and '{}' cannot be a placeholder; write it with "
                "small letters, digits and '_', as in 'user' or 'auth_token'",
                name));
        }
        if (name != "user" && std::find(taken.begin(), taken.end(), name) != taken.end()) {
            scanner.fail(
                fmt::format("{{{}}} is filled in by claimstorm; call the column otherwise", name));
        }
        if (std::find(columns.begin(), columns.end(), name) != columns.end()) {
            scanner.fail(fmt::format("two columns are called '{}'", name));
        }
        columns.push_back(std::move(name));
    }
    return columns;
}

std::size_t name_column(const CsvUsers& spec) {
    const auto& columns = spec.columns;
    const auto found = std::find(columns.begin(), columns.end(), spec.name);
    if (found == columns.end()) {
        throw UsageError(fmt::format(
            "{}: there is no column '{}' for the users' names; say with users.name which "
            "it is of: {}",
            spec.path, spec.name, fmt::join(columns, ", ")));
    }
    const bool is_ambiguous =
        spec.name != "user" && std::find(columns.begin(), columns.end(), "user") != columns.end();
    if (is_ambiguous) {
        throw UsageError(fmt::format(
            "{}: {{user}} is the name, which users.name says is in the column '{}', and there is a "
            "column 'user' too; rename that one",
            spec.path, spec.name));
    }
    return static_cast<std::size_t>(found - columns.begin());
}

std::uint64_t hash_of(std::string_view name) {
    return std::hash<std::string_view>{}(name);
}

class CsvUserSource final : public UserSource {
  public:
    CsvUserSource(const CsvUsers& spec, std::uint32_t size)
        : UserSource(size), spec_(spec), file_(spec.path), name_(name_column(spec)) {
        refuse_same_names(twice_among(index_rows()));
        const std::size_t passes = (size + kHashesMax - 1) / kHashesMax;
        for (std::size_t pass = 0; passes > 1 && pass < passes; ++pass) {
            refuse_same_names(twice_among(hashes_of_pass(pass, passes)));
        }
    }

    std::unique_ptr<UserReader> reader() const override;

    void for_each_name(const std::function<void(std::string_view)>& take) const override {
        for_each_row([&](const CsvScanner& scanner) { take(scanner.row()[name_]); });
    }

    std::string where() const override { return spec_.path; }

  private:
    class Reader;

    /// Checks every row and notes where every 16th begins. The names' hashes, when they are few
    /// enough to be compared all at once.
    std::vector<std::uint64_t> index_rows() {
        std::vector<std::uint64_t> hashes;
        hashes.reserve(size() <= kHashesMax ? size() : 0);
        offsets_.reserve(size() / kStride + 2);
        std::uint32_t rows = 0;
        std::uint64_t end = 0;
        for_each_row([&](const CsvScanner& scanner) {
            const CsvRow& row = scanner.row();
            if (row.size() != spec_.columns.size()) {
                scanner.fail(fmt::format("a row of {}, where the first one names {} columns",
                                         row.size(), spec_.columns.size()));
            }
            if (row[name_].empty()) {
                scanner.fail(fmt::format("the user's name (column {}) is empty", spec_.name));
            }
            if (size() <= kHashesMax) hashes.push_back(hash_of(row[name_]));
            if (rows++ % kStride == 0) offsets_.push_back(scanner.offset());
            end = scanner.end();
        });
        if (rows < size()) {
            throw UsageError(
                fmt::format("{} has {} users, and {} are wanted: lower storm.users or add rows",
                            spec_.path, rows, size()));
        }
        offsets_.push_back(end);
        return hashes;
    }

    /// The first `size()` rows.
    template <typename Take>
    void for_each_row(Take&& take) const {
        CsvScanner scanner(file_.descriptor(), spec_.path);
        if (read_columns(scanner) != spec_.columns) {
            scanner.fail(
                fmt::format("the columns are no longer {}; say which they are, or load "
                            "the target file anew",
                            fmt::join(spec_.columns, ", ")));
        }
        for (std::uint32_t rows = 0; rows < size() && scanner.next(); ++rows) take(scanner);
    }

    /// A share of all hashes, in which equal ones are together.
    std::vector<std::uint64_t> hashes_of_pass(std::size_t pass, std::size_t passes) const {
        std::vector<std::uint64_t> hashes;
        hashes.reserve(size() / passes + size() / passes / 8);
        for_each_name([&](std::string_view name) {
            const std::uint64_t hash = hash_of(name);
            if (hash % passes == pass) hashes.push_back(hash);
        });
        return hashes;
    }

    static std::vector<std::uint64_t> twice_among(std::vector<std::uint64_t> hashes) {
        std::sort(hashes.begin(), hashes.end());
        std::vector<std::uint64_t> twice;
        for (std::size_t i = 1; i < hashes.size() && twice.size() < kSuspectsMax; ++i) {
            if (hashes[i] == hashes[i - 1]) twice.push_back(hashes[i]);
        }
        twice.erase(std::unique(twice.begin(), twice.end()), twice.end());
        return twice;
    }

    /// Two names of one hash may differ after all: that is seen by comparing them.
    void refuse_same_names(const std::vector<std::uint64_t>& suspects) const {
        if (suspects.empty()) return;
        std::unordered_map<std::string, std::uint64_t> seen;  // and in which line
        for_each_row([&](const CsvScanner& scanner) {
            const std::string_view name = scanner.row()[name_];
            if (!std::binary_search(suspects.begin(), suspects.end(), hash_of(name))) return;
            const auto found = seen.find(std::string(name));
            if (found != seen.end()) {
                scanner.fail(
                    fmt::format("the user '{}' stands in line {} already", name, found->second));
            }
            seen.emplace(name, scanner.line());
        });
    }

    CsvUsers spec_;
    OpenFile file_;
    std::size_t name_;
    std::vector<std::uint64_t> offsets_;  // of rows 0, 16, 32 …, and of the end of the last
};

/// Fetches the up to 16 rows of which the wanted one is one.
class CsvUserSource::Reader final : public UserReader {
  public:
    explicit Reader(const CsvUserSource& users) : users_(users) {}

    const UserValues& read(std::uint32_t n) override {
        const std::size_t block = (n - 1) / kStride;
        if (block != block_) fetch(block);
        std::string_view rest = rows_;
        for (std::uint32_t before = (n - 1) % kStride + 1; before > 0; --before) {
            rest = read_row(rest);
        }
        if (row_.size() != users_.spec_.columns.size()) fail();
        values_.n = n;
        values_.name = row_[users_.name_];
        values_.columns.clear();
        for (std::size_t i = 0; i < row_.size(); ++i) {
            if (users_.spec_.columns[i] != "user") values_.columns.push_back(row_[i]);
        }
        return values_;
    }

  private:
    void fetch(std::size_t block) {
        block_ = block;
        const std::uint64_t begin = users_.offsets_[block];
        rows_.resize(users_.offsets_[block + 1] - begin);
        const std::size_t size = read_at(users_.file_.descriptor(), rows_.data(), rows_.size(),
                                         begin, users_.spec_.path);
        if (size != rows_.size()) fail();
    }

    /// Leaves the first row of `rest` in `row_`; returns what stands behind it.
    std::string_view read_row(std::string_view rest) {
        CsvRow::Result result = CsvRow::Result::blank;
        while (result == CsvRow::Result::blank) {
            if (rest.empty()) fail();
            result = row_.read(rest, true);
            rest.remove_prefix(row_.length());
        }
        if (result != CsvRow::Result::row) fail();
        return rest;
    }

    [[noreturn]] void fail() const {
        throw EnvironmentError(fmt::format(
            "{} was changed while the storm was under way: run it again", users_.spec_.path));
    }

    static constexpr std::size_t kNoBlock = static_cast<std::size_t>(-1);
    const CsvUserSource& users_;
    std::size_t block_ = kNoBlock;
    std::string rows_;
    CsvRow row_;
    UserValues values_;
};

std::unique_ptr<UserReader> CsvUserSource::reader() const {
    return std::make_unique<Reader>(*this);
}

}  // namespace

std::vector<std::string> read_csv_columns(const std::string& path) {
    const OpenFile file(path);
    CsvScanner scanner(file.descriptor(), path);
    return read_columns(scanner);
}

void require_name_column(const CsvUsers& spec) {
    name_column(spec);
}

std::shared_ptr<const UserSource> make_csv_users(const CsvUsers& spec, std::uint32_t size) {
    return std::make_shared<const CsvUserSource>(spec, size);
}

}  // namespace claimstorm
