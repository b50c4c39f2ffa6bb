#include "storm/history_import.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string_view>
#include <system_error>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "model/error.h"
#include "storm/chunk_file.h"
#include "storm/history_codec.h"
#include "storm/logged_attempt.h"

namespace claimstorm {
namespace {

/// What read_history takes at most.
constexpr std::uint32_t kUsersMax = 100'000'000;
constexpr std::uint16_t kNumberMax = std::numeric_limits<std::uint16_t>::max();

/// Lines of a stream, none longer than memory is meant for.
class Lines {
  public:
    explicit Lines(std::istream& in) : in_(in) {}

    /// False at the end. Throws UsageError for a line that no log would have.
    bool next(std::string& line) {
        constexpr std::size_t kLineBytesMax = std::size_t{1} << 20U;
        line.clear();
        for (;;) {
            if (at_ == end_) {
                in_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
                at_ = 0;
                end_ = static_cast<std::size_t>(in_.gcount());
                if (in_.bad()) throw EnvironmentError("it cannot be read any further");
                if (end_ == 0) {
                    if (line.empty()) return false;
                    ++number_;
                    return true;
                }
            }
            const std::string_view rest(buffer_.data() + at_, end_ - at_);
            const std::size_t newline = rest.find('\n');
            const std::size_t taken = std::min(newline, rest.size());
            line.append(rest.substr(0, taken));
            at_ += taken;
            if (newline != std::string_view::npos) {
                ++at_;
                ++number_;
                return true;
            }
            if (line.size() > kLineBytesMax) {
                ++number_;
                throw UsageError("this line is longer than 1 MiB: one attempt a line is wanted");
            }
        }
    }
    /// Of the line told last, from 1.
    std::uint64_t number() const noexcept { return number_; }

  private:
    std::istream& in_;
    std::array<char, std::size_t{256} * 1024> buffer_{};
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
};

TimeNs time_of(const Attempt& attempt) {
    return attempt.sent_ns == kNever ? attempt.due_ns : attempt.sent_ns;
}

std::uint16_t next_number(std::uint16_t number) {
    return number == kNumberMax ? number : static_cast<std::uint16_t>(number + 1);
}

/// Numbers each user's attempts as they come, and remembers those users for whom that is not the
/// order in which they were sent.
class Numbering {
  public:
    void number(Attempt& attempt, bool has_number) {
        if (attempt.user >= users_.size()) users_.resize(attempt.user + std::size_t{1});
        User& user = users_[attempt.user];
        const TimeNs now = time_of(attempt);
        if (user.count > 0 && now < user.last) user.disordered = disordered_ = true;
        user.last = std::max(user.last, now);
        user.count = next_number(user.count);
        if (!has_number) attempt.number = user.count;
        numbered_.push_back(has_number);
    }

    bool is_any_disordered() const noexcept { return disordered_; }
    bool must_renumber(std::uint64_t index, UserId user) const {
        return users_[user].disordered && !numbered_[index];
    }
    bool is_disordered(UserId user) const { return users_[user].disordered; }

  private:
    struct User {
        TimeNs last = std::numeric_limits<TimeNs>::min();
        std::uint16_t count = 0;
        bool disordered = false;
    };
    std::vector<User> users_;
    std::vector<bool> numbered_;  // by attempt: its line has a number
    bool disordered_ = false;
};

/// Where a log's clock begins.
class Earliest {
  public:
    void see(const Attempt& attempt) {
        if (attempt.sent_ns == kNever) return;
        at_ = std::min({at_, attempt.sent_ns, attempt.due_ns});
    }
    /// 0 where the log counts from a release. A clock's time of day or of the epoch would make the
    /// storm last for years: it is told from its first attempt on.
    TimeNs zero() const {
        constexpr TimeNs kHour = TimeNs{3600} * 1'000'000'000;
        return at_ == kNever || (at_ > -kHour && at_ < kHour) ? 0 : at_;
    }

  private:
    TimeNs at_ = kNever;
};

/// Calls `take(index, attempt, claim id)` for each attempt of a file that was just written.
template <typename Take>
void for_each_attempt(const std::filesystem::path& path, Take&& take) {
    ChunkReader chunks(path, history_format::kFileMagic);
    ChunkHeader header;
    std::string_view payload;
    std::uint64_t index = 0;
    while (chunks.next(header, payload)) {
        if (header.type != 'A') continue;
        TimeNs previous_due_ns = 0;
        for (std::uint32_t i = 0; i < header.records; ++i) {
            Attempt attempt;
            std::string_view claim_id;
            if (!history_format::decode_attempt(payload, attempt, claim_id, previous_due_ns)) break;
            take(index++, attempt, claim_id);
        }
    }
}

/// By attempt, in their order: the numbers of those attempts that must be renumbered.
std::vector<std::pair<std::uint64_t, std::uint16_t>> numbers_by_time(
    const std::filesystem::path& path, const Numbering& numbering) {
    struct Sent {
        UserId user;
        TimeNs at;
        std::uint64_t index;
    };
    std::vector<Sent> sent;
    for_each_attempt(path, [&](std::uint64_t index, const Attempt& attempt, std::string_view) {
        if (numbering.is_disordered(attempt.user)) {
            sent.push_back({attempt.user, time_of(attempt), index});
        }
    });
    std::sort(sent.begin(), sent.end(), [](const Sent& a, const Sent& b) {
        return std::tie(a.user, a.at, a.index) < std::tie(b.user, b.at, b.index);
    });
    std::vector<std::pair<std::uint64_t, std::uint16_t>> numbers;
    numbers.reserve(sent.size());
    std::uint16_t number = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
        number = i > 0 && sent[i].user == sent[i - 1].user ? next_number(number) : 1;
        if (numbering.must_renumber(sent[i].index, sent[i].user)) {
            numbers.emplace_back(sent[i].index, number);
        }
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

/// Tells all instants from `zero`. What was never due has no instant to tell.
void count_from(TimeNs zero, Attempt& attempt) {
    if (zero == 0) return;
    for (TimeNs* instant : {&attempt.sent_ns, &attempt.first_byte_ns, &attempt.done_ns}) {
        if (*instant != kNever) *instant -= zero;
    }
    if (attempt.sent_ns != kNever || attempt.due_ns != 0) attempt.due_ns -= zero;
}

/// Writes the file again, with the numbers and the instants put right.
void put_right(const std::filesystem::path& path, const HistoryHeader& header,
               const Numbering& numbering, TimeNs zero, const Names& users) {
    const std::filesystem::path ordered = path.string() + ".new";
    const auto numbers = numbers_by_time(path, numbering);
    auto next = numbers.begin();
    HistoryWriter writer(ordered, header);
    HistoryWriter::Lane lane(writer);
    for_each_attempt(path, [&](std::uint64_t index, Attempt& attempt, std::string_view claim_id) {
        if (next != numbers.end() && next->first == index) attempt.number = (next++)->second;
        count_from(zero, attempt);
        lane.append(attempt, claim_id);
    });
    lane.flush();
    writer.write_names(users);
    writer.close();
    std::error_code error;
    std::filesystem::rename(ordered, path, error);
    if (error) {
        throw EnvironmentError(fmt::format("cannot write {}: {}", path.string(), error.message()));
    }
}

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

ImportedLog import_history(std::istream& log, const std::string& log_name,
                           const std::filesystem::path& path, HistoryHeader header) {
    header.origin = HistoryOrigin::imported;
    header.users = kUsersMax;
    header.open_ended = true;
    header.names_follow = true;
    HistoryWriter writer(path, header);
    HistoryWriter::Lane lane(writer);
    ImportedLog imported;
    Names users;
    Numbering numbering;
    Earliest earliest;
    const auto lines = std::make_unique<Lines>(log);  // too much for a thread's stack
    try {
        for (std::string line; lines->next(line);) {
            if (is_blank(line)) continue;
            LoggedAttempt logged = parse_logged_attempt(line);
            logged.attempt.user = users.intern(logged.user);
            if (logged.attempt.user >= kUsersMax) {
                throw UsageError(fmt::format("more than {} users", kUsersMax));
            }
            numbering.number(logged.attempt, logged.has_number);
            earliest.see(logged.attempt);
            lane.append(logged.attempt, logged.claim_id);
            ++imported.attempts;
        }
    } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}:{}: {}", log_name, lines->number(), error.what()));
    } catch (const EnvironmentError& error) {
        throw EnvironmentError(fmt::format("{}: {}", log_name, error.what()));
    }
    if (imported.attempts == 0) {
        throw UsageError(
            fmt::format("{} holds no attempt: one JSON object a line is wanted", log_name));
    }
    lane.flush();
    writer.write_names(users);
    writer.close();
    imported.users = static_cast<std::uint32_t>(users.size());
    if (numbering.is_any_disordered() || earliest.zero() != 0) {
        put_right(path, header, numbering, earliest.zero(), users);
    }
    return imported;
}

}  // namespace claimstorm
