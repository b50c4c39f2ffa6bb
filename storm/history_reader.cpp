#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "storm/chunk_file.h"
#include "storm/history_codec.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

using nlohmann::json;

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

/// All of a chunk's attempts or none: half a chunk would be a guess.
bool append_attempts(std::string_view payload, std::uint32_t records, std::uint32_t users,
                     History& history, TextPool& texts) {
    const std::size_t before = history.attempts.size();
    TimeNs previous_due_ns = 0;
    for (std::uint32_t i = 0; i < records; ++i) {
        Attempt attempt;
        std::string_view claim_id;
        if (!history_format::decode_attempt(payload, attempt, claim_id, previous_due_ns) ||
            attempt.user >= users) {
            history.attempts.resize(before);
            return false;
        }
        if (!claim_id.empty()) attempt.claim_id = texts.add(claim_id);
        history.attempts.push_back(attempt);
    }
    return true;
}

std::uint32_t users_come(const History& history) {
    std::uint32_t users = 0;
    for (const Attempt& attempt : history.attempts) users = std::max(users, attempt.user + 1);
    return users;
}

/// The users' names as their chunks give them. A chunk that was lost leaves a hole: its users have
/// ids, so that the others keep theirs, and no names.
class ChunkedNames {
  public:
    explicit ChunkedNames(Names& names) : names_(names) {}

    /// False, and nothing is taken, when the chunk makes no sense.
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
        for (std::uint32_t i = 0; i < records; ++i) {
            get_text(payload, name);
            if (names_.intern(name) != next_++) return false;
        }
        return true;
    }

    UserId count() const noexcept { return next_; }

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
            if (names_.size() <= next_) names_.intern(fmt::format("(user {}, name lost)", next_));
        }
    }

    Names& names_;
    UserId next_ = 0;
    std::vector<std::pair<UserId, UserId>> holes_;
};

/// Whoever has no name cannot be looked for in the stores: better no attempt than a wrong
/// accusation.
void drop_nameless(const ChunkedNames& names, History& history, ChunkReader& chunks) {
    const std::size_t dropped = std::erase_if(
        history.attempts, [&](const Attempt& attempt) { return !names.has(attempt.user); });
    if (dropped > 0) {
        chunks.note(fmt::format("{} attempts are not used: their users' names are lost", dropped));
    }
}

}  // namespace

void intern_storm_users(const UserSource& users, Names& names) {
    UserId next = 0;
    users.for_each_name([&](std::string_view name) {
        if (names.intern(name) == next++) return;
        throw UsageError(fmt::format("{} does not name {} different users: one is '{}'",
                                     users.where(), users.size(), name));
    });
}

HistoryContents read_history(const std::filesystem::path& path, Names& names, TextPool& texts) {
    const MappedFile file(path);
    if (!file.bytes().starts_with(history_format::kFileMagic)) {
        throw UsageError(fmt::format("{} is not a claimstorm history (version 1)", path.string()));
    }
    HistoryContents contents;
    ChunkReader chunks(file.bytes(), history_format::kFileMagic.size());
    ChunkHeader header;
    std::string_view payload;
    bool has_header = false;
    std::optional<std::uint64_t> promised;
    ChunkedNames chunked_names(names);
    while (chunks.next(header, payload)) {
        if (header.type == 'H' && !has_header) {
            const auto parsed = parse_header(payload);
            if (!parsed) continue;
            contents.header = *parsed;
            contents.history.origin = parsed->origin;
            if (!parsed->names_follow && !parsed->open_ended) {
                intern_storm_users(*make_template_users(parsed->user_template, parsed->users),
                                   names);
            }
            has_header = true;
        } else if (header.type == 'N') {
            if (!chunked_names.add(payload, header.records, contents.header.users)) {
                chunks.reject_last(header.records);
            }
        } else if (header.type == 'A') {
            if (!append_attempts(payload, header.records, contents.header.users, contents.history,
                                 texts)) {
                chunks.reject_last(header.records);
            }
        } else if (header.type == 'S') {
            if (auto sample = parse_sample(payload)) contents.samples.push_back(std::move(*sample));
        } else if (header.type == 'E') {
            promised = parse_end(payload, contents.history);
        }
    }
    if (!has_header) {
        throw UsageError(
            fmt::format("{} has lost its first chunk: nothing in it can be read", path.string()));
    }
    if (contents.header.open_ended && contents.header.names_follow) {
        contents.header.users = chunked_names.count();
    } else if (contents.header.open_ended) {
        contents.header.users = users_come(contents.history);
        intern_storm_users(
            *make_template_users(contents.header.user_template, contents.header.users), names);
    }
    const std::size_t found = contents.history.attempts.size();
    if (!promised) {
        chunks.note(fmt::format("the tail is missing: {} attempts could be read", found));
    } else if (found != *promised) {
        chunks.note(fmt::format("{} of {} attempts could be read", found, *promised));
    }
    if (contents.header.names_follow) {
        drop_nameless(chunked_names, contents.history, chunks);
    }
    contents.history.missing_tail = chunks.notes();
    return contents;
}

}  // namespace claimstorm
