// CSV rows and users: a row is the same however its text is cut; users fetched one by one are those
// of one straight pass. The first byte, when odd, puts rows before the text, so that it lies across
// the end of the reader's buffer.
#include <algorithm>
#include <string>
#include <vector>

#include "model/error.h"
#include "storm/csv.h"
#include "storm/csv_users.h"
#include "tests/fuzz/claim.h"
#include "tests/fuzz/scratch_file.h"

using namespace claimstorm;

namespace {

std::vector<std::string> fields_of(const CsvRow& row) {
    std::vector<std::string> fields;
    fields.reserve(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) fields.emplace_back(row[i]);
    return fields;
}

/// A row whose text goes on asks for more, or is already what it is in the end.
void check_cuts(std::string_view text) {
    CsvRow whole;
    const CsvRow::Result result = whole.read(text, true);
    fuzz::claim(result != CsvRow::Result::need_more, "a last row needs no more");
    fuzz::claim(whole.length() <= text.size(), "a row lies within its text");
    CsvRow cut;
    for (std::size_t size = 1; size < std::min<std::size_t>(text.size(), 64); ++size) {
        const CsvRow::Result part = cut.read(text.substr(0, size), false);
        if (part == CsvRow::Result::need_more) continue;
        fuzz::claim(part == result, "a row cut off at its end is the same");
        if (part == CsvRow::Result::wrong) continue;
        fuzz::claim(cut.length() == whole.length() && fields_of(cut) == fields_of(whole),
                    "a row cut off at its end has the same fields");
    }
}

/// The text behind as many rows as bring it to the end of the reader's first buffer.
std::string across_buffers(std::string_view text) {
    constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;
    const std::size_t head_bytes = text.substr(0, text.find('\n')).size();
    std::string file(text.substr(0, head_bytes));
    const auto commas = static_cast<std::size_t>(std::count(file.begin(), file.end(), ','));
    file += '\n';
    const std::size_t rest = text.size() - std::min(text.size(), head_bytes + 1);
    constexpr std::size_t kWide = std::size_t{48} * 1024;
    for (int row = 0; file.size() + rest / 2 + kWide < kBufferBytes; ++row) {
        std::string name = "filler" + std::to_string(row);
        name.resize(kWide / 2, '.');
        file += name;
        for (std::size_t i = 0; i < commas; ++i) file += "," + name.substr(0, 7);
        file += '\n';
    }
    const std::size_t tail = file.size() + rest / 2;
    if (tail < kBufferBytes) file.append(kBufferBytes - tail, '\n');
    file += text.substr(text.size() - rest);
    return file;
}

void check_users(const std::string& path) {
    CsvUsers spec;
    spec.path = path;
    spec.columns = read_csv_columns(path);
    spec.name = spec.columns.back();
    std::uint32_t rows = 0;
    try {
        make_csv_users(spec, 1'000'000);
        fuzz::claim(false, "a small file has no million users");
    } catch (const UsageError& error) {
        const std::string what = error.what();
        const std::size_t has = what.find(" has ");
        if (what.find(" users, and ") == std::string::npos) throw;
        rows = static_cast<std::uint32_t>(std::stoul(what.substr(has + 5)));
    }
    if (rows == 0) return;
    const auto users = make_csv_users(spec, rows);
    std::vector<std::string> names;
    users->for_each_name([&](std::string_view name) { names.emplace_back(name); });
    fuzz::claim(names.size() == rows, "one pass gives every user");
    const auto reader = users->reader();
    for (std::uint32_t i = 0; i < rows; ++i) {
        const std::uint32_t n = static_cast<std::uint32_t>(std::uint64_t{i} * 7919 % rows) + 1;
        const UserValues& user = reader->read(n);
        fuzz::claim(user.n == n && user.name == names[n - 1],
                    "a user fetched alone is the one of a straight pass");
        const auto own = std::count(spec.columns.begin(), spec.columns.end(), "user");
        fuzz::claim(user.columns.size() + static_cast<std::size_t>(own) == spec.columns.size(),
                    "a user has a value for each column");
    }
    std::sort(names.begin(), names.end());
    fuzz::claim(std::adjacent_find(names.begin(), names.end()) == names.end(),
                "no name stands twice");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::ScratchFile file;
    std::string_view text = fuzz::text_of(data, size);
    const bool across = fuzz::take_byte(text) % 2 == 1;
    if (!text.empty()) check_cuts(text);
    file.fill(across ? across_buffers(text) : std::string(text));
    try {
        check_users(file.path());
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
    }
    return 0;
}
