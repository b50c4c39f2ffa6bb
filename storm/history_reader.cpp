#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "storm/chunk_file.h"
#include "storm/history_codec.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

using nlohmann::json;

[[noreturn]] void refuse_users(const UserSource& users, std::string_view name) {
    throw UsageError(fmt::format("{} does not name {} different users: one is '{}'", users.where(),
                                 users.size(), name));
}

/// Gives users their names, one after the other, and each must be a new one. Where the table will
/// look for a name is fetched while others are made: that is most of what ten million of them cost.
class NewUsers {
  public:
    NewUsers(const UserSource& users, Names& names, UserId first)
        : users_(users), names_(names), next_(first) {}

    void add(std::string_view name) {
        names_.expect(name);
        waiting_[count_++] = name;
        if (count_ == waiting_.size()) finish();
    }
    void finish() {
        for (std::size_t i = 0; i < count_; ++i) {
            if (names_.intern(waiting_[i]) != next_++) refuse_users(users_, waiting_[i]);
        }
        count_ = 0;
    }

  private:
    const UserSource& users_;
    Names& names_;
    UserId next_;
    std::array<std::string, 32> waiting_;
    std::size_t count_ = 0;
};

/// More users than any storm has; a header that claims them is damage.
constexpr std::uint32_t kUsersMax = 100'000'000;

/// nullopt when the object is none, or has a member of another type: a foreign writer's.
std::optional<HistoryHeader> parse_header(std::string_view payload) try {
    const json object = json::parse(payload);
    HistoryHeader header;
    header.scenario = object.value("scenario", "");
    header.seed = object.value("seed", std::uint64_t{0});
    header.user_template = object.value("user_template", "u{n}");
    header.users = object.value("users", 0U);
    header.open_ended = object.value("open_ended", false);
    header.connections = object.value("connections", 0U);
    if (header.users > kUsersMax) return std::nullopt;
    header.started_at = object.value("started_at", "");
    header.names_follow = object.value("names_follow", false);
    const std::string origin = object.value("origin", "storm");
    if (origin == "imported") header.origin = HistoryOrigin::imported;
    if (origin == "none") header.origin = HistoryOrigin::none;
    return header;
} catch (const json::exception&) {
    return std::nullopt;
}

std::optional<UnmatchedSample> parse_sample(std::string_view payload) try {
    const json object = json::parse(payload);
    return UnmatchedSample{object.value("http_status", 0), object.value("body", "")};
} catch (const json::exception&) {
    return std::nullopt;
}

/// The number of attempts that the closing chunk promises.
std::optional<std::uint64_t> parse_end(std::string_view payload, History& history) try {
    const json end = json::parse(payload);
    history.connections_opened = end.value("connections_opened", std::int64_t{-1});
    return end.at("attempts").get<std::uint64_t>();
} catch (const json::exception&) {
    return std::nullopt;
}

/// The users' names as their chunks give them. A chunk that was lost leaves a hole: its users have
/// ids, so that the others keep theirs, and no names.
class ChunkedNames {
  public:
    explicit ChunkedNames(Names& names) : names_(names) {}

    /// False when the chunk makes no sense; of its names those are taken that stand there once.
    bool add(std::string_view payload, std::uint32_t records, std::uint32_t users) {
        std::uint64_t first = 0;
        if (!get_varint(payload, first) || first < next_ || records > users ||
            first > users - records) {
            return false;
        }
        std::string_view name;
        std::string_view rest = payload;
        for (std::uint32_t i = 0; i < records; ++i) {
            if (!get_text(rest, name)) return false;
        }
        pass_over(static_cast<UserId>(first));
        bool is_sound = true;
        for (std::uint32_t i = 0; i < records; ++i) {
            get_text(payload, name);
            if (names_.intern(name) == next_) {
                ++next_;
            } else {
                pass_over(next_ + 1);  // who has another's name has none
                is_sound = false;
            }
        }
        return is_sound;
    }

    bool has(UserId user) const {
        if (user >= next_) return false;
        return std::none_of(holes_.begin(), holes_.end(), [user](const auto& hole) {
            return hole.first <= user && user < hole.second;
        });
    }

  private:
    void pass_over(UserId to) {
        if (next_ < to) holes_.emplace_back(next_, to);
        for (; next_ < to; ++next_) {
            if (names_.size() > next_) continue;
            std::string stand_in = fmt::format("(user {}, name lost)", next_);
            while (names_.intern(stand_in) != next_) stand_in += '\'';  // a user is called so
        }
    }

    Names& names_;
    UserId next_ = 0;
    std::vector<std::pair<UserId, UserId>> holes_;
};

/// What the chunks of a history tell, as they come.
class Telling {
  public:
    Telling(Names& names, const TakeAttempt& take)
        : names_(names), chunked_names_(names), take_(take) {}

    /// False when the chunk cannot be decoded, and nothing of it was used.
    bool add(const ChunkHeader& chunk, std::string_view payload) {
        switch (chunk.type) {
            case 'H':
                if (!has_header_) read_header(payload);
                return true;
            case 'N':
                return next_names_ < names_sound_.size() && names_sound_[next_names_++];
            case 'A':
                return add_attempts(payload, chunk.records);
            case 'S':
                if (auto sample = parse_sample(payload)) {
                    contents_.samples.push_back(std::move(*sample));
                }
                return true;
            case 'E':
                promised_ = parse_end(payload, contents_.history);
                return true;
            default:
                return true;
        }
    }

    bool has_header() const { return has_header_; }

    /// Takes the names of all users, which may stand behind the attempts, before anything else is
    /// told.
    void read_names(const std::filesystem::path& path) {
        ChunkReader chunks(path, history_format::kFileMagic);
        ChunkHeader chunk;
        std::string_view payload;
        std::optional<HistoryHeader> found;
        while (chunks.next(chunk, payload)) {
            if (chunk.type == 'H' && !found) {
                found = parse_header(payload);
                if (found && !found->names_follow) return;
            } else if (chunk.type == 'N') {
                names_sound_.push_back(found &&
                                       chunked_names_.add(payload, chunk.records, found->users));
            }
        }
    }

    /// All there is, with what is missing noted in `chunks`.
    HistoryContents finish(ChunkReader& chunks) && {
        if (header().open_ended) contents_.header.users = come_;
        if (!promised_) {
            chunks.note(fmt::format("the tail is missing: {} attempts could be read", found_));
        } else if (found_ != *promised_) {
            chunks.note(fmt::format("{} of {} attempts could be read", found_, *promised_));
        }
        if (nameless_ > 0) {
            chunks.note(
                fmt::format("{} attempts are not used: their users' names are lost", nameless_));
        }
        contents_.history.missing_tail = chunks.notes();
        return std::move(contents_);
    }

  private:
    struct Decoded {
        Attempt attempt;
        std::string_view claim_id;
    };

    const HistoryHeader& header() const { return contents_.header; }

    void read_header(std::string_view payload) {
        const auto parsed = parse_header(payload);
        if (!parsed) return;
        contents_.header = *parsed;
        contents_.history.origin = parsed->origin;
        has_header_ = true;
        if (parsed->names_follow) return;
        template_users_ = make_template_users(parsed->user_template, parsed->users);
        template_reader_ = template_users_->reader();
        if (parsed->open_ended) return;
        names_.reserve(parsed->users);
        name_users(parsed->users);
    }

    /// Names the template's users below `users`.
    void name_users(std::uint32_t users) {
        if (template_named_ >= users) return;
        NewUsers named(*template_users_, names_, template_named_);
        while (template_named_ < users) named.add(template_reader_->read(++template_named_).name);
        named.finish();
    }

    /// All of a chunk's attempts or none: half a chunk would be a guess.
    bool add_attempts(std::string_view payload, std::uint32_t records) {
        decoded_.clear();
        TimeNs previous_due_ns = 0;
        for (std::uint32_t i = 0; i < records; ++i) {
            Decoded& next = decoded_.emplace_back();
            if (!history_format::decode_attempt(payload, next.attempt, next.claim_id,
                                                previous_due_ns) ||
                next.attempt.user >= header().users) {
                return false;
            }
        }
        found_ += records;
        for (const Decoded& next : decoded_) {
            const UserId user = next.attempt.user;
            come_ = std::max(come_, user + 1);
            if (!header().names_follow) {
                name_users(user + 1);
            } else if (!chunked_names_.has(user)) {
                // Whoever has no name cannot be looked for in the stores: better no attempt than
                // a wrong accusation.
                ++nameless_;
                continue;
            }
            take_(next.attempt, next.claim_id);
        }
        return true;
    }

    Names& names_;
    ChunkedNames chunked_names_;
    std::vector<bool> names_sound_;  // by chunk of names
    std::size_t next_names_ = 0;     // of these
    const TakeAttempt& take_;
    HistoryContents contents_;
    bool has_header_ = false;
    std::shared_ptr<const UserSource> template_users_;
    std::unique_ptr<UserReader> template_reader_;
    std::uint32_t template_named_ = 0;  // users named by the template so far
    std::uint32_t come_ = 0;            // users up to the last of whom there is an attempt
    std::vector<Decoded> decoded_;      // a chunk's, reused
    std::uint64_t found_ = 0;
    std::uint64_t nameless_ = 0;  // of these
    std::optional<std::uint64_t> promised_;
};

}  // namespace

void intern_storm_users(const UserSource& users, Names& names) {
    names.reserve(users.size());
    NewUsers named(users, names, 0);
    users.for_each_name([&named](std::string_view name) { named.add(name); });
    named.finish();
}

HistoryContents for_each_attempt(const std::filesystem::path& path, Names& names,
                                 const TakeAttempt& take) {
    ChunkReader chunks(path, history_format::kFileMagic);
    if (!chunks.has_format()) {
        throw UsageError(fmt::format("{} is not a claimstorm history (version 1)", path.string()));
    }
    ChunkHeader header;
    std::string_view payload;
    Telling telling(names, take);
    telling.read_names(path);
    while (chunks.next(header, payload)) {
        if (!telling.add(header, payload)) chunks.reject_last(header.records);
    }
    if (!telling.has_header()) {
        throw UsageError(
            fmt::format("{} has lost its first chunk: nothing in it can be read", path.string()));
    }
    return std::move(telling).finish(chunks);
}

HistoryContents read_history(const std::filesystem::path& path, Names& names, TextPool& texts) {
    AttemptList attempts;
    HistoryContents contents =
        for_each_attempt(path, names, [&](const Attempt& read, std::string_view claim_id) {
            Attempt attempt = read;
            if (!claim_id.empty()) attempt.claim_id = texts.add(claim_id);
            attempts.push_back(attempt);
        });
    contents.history.attempts = std::move(attempts);
    return contents;
}

}  // namespace claimstorm
