#include <csignal>
#include <filesystem>
#include <limits>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/history_codec.h"
#include "storm/history_export.h"
#include "storm/history_file.h"
#include "storm/user_source.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
namespace fs = std::filesystem;

namespace {

HistoryHeader header_of(std::uint32_t users) {
    return {"name", 42, "u{n}", users, 3, "now"};
}

Attempt attempt_of(UserId user, Outcome outcome) {
    Attempt attempt;
    attempt.user = user;
    attempt.outcome = outcome;
    attempt.http_status = 200;
    attempt.due_ns = 10;
    attempt.sent_ns = 1'000;
    attempt.first_byte_ns = 2'000;
    attempt.done_ns = 3'000;
    return attempt;
}

void write_history(const fs::path& path, std::uint32_t attempts, std::uint32_t flush_every = 1000) {
    HistoryWriter writer(path, header_of(attempts));
    HistoryWriter::Lane lane(writer);
    for (std::uint32_t i = 0; i < attempts; ++i) {
        lane.append(attempt_of(i, Outcome::granted), "id" + std::to_string(i));
        if ((i + 1) % flush_every == 0) lane.flush();
    }
    lane.flush();
    writer.close();
}

HistoryContents read(const fs::path& path) {
    Names users;
    TextPool texts;
    return read_history(path, users, texts);
}

}  // namespace

TEST_CASE("an attempt reads back as it was written, every field at its extremes") {
    Attempt full = attempt_of(4'000'000'000U, Outcome::unknown);
    full.number = 65535;
    full.transport_error = TransportError::cancelled;
    full.http_status = 599;
    full.due_ns = -5;
    full.sent_ns = std::numeric_limits<TimeNs>::max() - 1;
    full.first_byte_ns = 0;
    full.done_ns = std::numeric_limits<TimeNs>::min();
    full.ticket = std::numeric_limits<std::int64_t>::max();
    full.amount_cents = -1;
    full.waited = true;
    const Attempt empty;
    const std::string id(70'000, 'x');
    std::string bytes;
    TimeNs base = 0;
    history_format::encode_attempt(bytes, full, id, base);
    history_format::encode_attempt(bytes, empty, "", base);

    std::string_view rest = bytes;
    base = 0;
    Attempt read;
    std::string_view claim_id;
    REQUIRE(history_format::decode_attempt(rest, read, claim_id, base));
    CHECK(claim_id == id);
    CHECK(read.user == full.user);
    CHECK(read.number == full.number);
    CHECK(read.outcome == full.outcome);
    CHECK(read.transport_error == full.transport_error);
    CHECK(read.http_status == full.http_status);
    CHECK(read.due_ns == full.due_ns);
    CHECK(read.sent_ns == full.sent_ns);
    CHECK(read.first_byte_ns == full.first_byte_ns);
    CHECK(read.done_ns == full.done_ns);
    CHECK(read.ticket == full.ticket);
    CHECK(read.amount_cents == full.amount_cents);
    CHECK(read.waited);
    REQUIRE(history_format::decode_attempt(rest, read, claim_id, base));
    CHECK(rest.empty());
    CHECK(read.sent_ns == kNever);
    CHECK(read.done_ns == kNever);
    CHECK(read.ticket == kNoNumber);
    CHECK(claim_id.empty());
    CHECK_FALSE(read.waited);
}

TEST_CASE("no prefix of an attempt's bytes is taken for an attempt") {
    Attempt attempt = attempt_of(300, Outcome::granted);
    attempt.ticket = 7;
    std::string bytes;
    TimeNs base = 0;
    history_format::encode_attempt(bytes, attempt, "id", base);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        std::string_view rest = std::string_view(bytes).substr(0, length);
        std::string_view claim_id;
        base = 0;
        CHECK_FALSE(history_format::decode_attempt(rest, attempt, claim_id, base));
    }
}

TEST_CASE("a closed history reads back whole, users and claim ids by name") {
    const TemporaryFolder folder;
    write_history(folder.path / "history.bin", 10'000);
    Names users;
    TextPool texts;
    const HistoryContents contents = read_history(folder.path / "history.bin", users, texts);
    CHECK(contents.history.missing_tail.empty());
    CHECK(contents.header.seed == 42);
    CHECK(contents.header.connections == 3);
    REQUIRE(contents.history.attempts.size() == 10'000);
    const Attempt& last = contents.history.attempts.back();
    CHECK(users.name(last.user) == "u10000");
    CHECK(texts.view(last.claim_id) == "id9999");
}

TEST_CASE("a history that is walked through tells each attempt in order and keeps none") {
    const TemporaryFolder folder;
    write_history(folder.path / "history.bin", 10'000, 300);
    Names users;
    std::uint32_t next = 0;
    const HistoryContents contents = for_each_attempt(
        folder.path / "history.bin", users, [&](const Attempt& attempt, std::string_view claim_id) {
            REQUIRE(attempt.user == next);
            REQUIRE(users.name(attempt.user) == "u" + std::to_string(next + 1));
            REQUIRE(claim_id == "id" + std::to_string(next));
            REQUIRE(attempt.claim_id == kNoText);
            ++next;
        });
    CHECK(next == 10'000);
    CHECK(contents.history.attempts.empty());
    CHECK(contents.history.missing_tail.empty());
    CHECK(contents.header.users == 10'000);
}

TEST_CASE("walking through a history, whoever has come has a name, though nobody knew how many") {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "history.bin";
    HistoryHeader header = header_of(1000);
    header.open_ended = true;
    {
        HistoryWriter writer(path, header);
        HistoryWriter::Lane lane(writer);
        for (const UserId user : {3U, 1U, 7U}) lane.append(attempt_of(user, Outcome::granted), "");
        lane.flush();
        writer.close();
    }
    Names users;
    std::vector<std::string> names;
    const HistoryContents contents =
        for_each_attempt(path, users, [&](const Attempt& attempt, std::string_view) {
            names.emplace_back(users.name(attempt.user));
        });
    CHECK(names == std::vector<std::string>{"u4", "u2", "u8"});
    CHECK(contents.header.users == 8);
    CHECK(users.size() == 8);
}

TEST_CASE("an attempt takes well below 100 bytes on disk") {
    const TemporaryFolder folder;
    write_history(folder.path / "history.bin", 10'000);
    CHECK(fs::file_size(folder.path / "history.bin") < std::uintmax_t{10'000} * 40);
}

TEST_CASE("a history cut off anywhere says that its tail is missing and keeps what is whole") {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "history.bin";
    write_history(path, 100, 10);
    const std::string whole = slurp(path);
    std::size_t least = 101;
    for (std::size_t length = whole.size() - 1; length > 200; length -= 7) {
        spill(path, whole.substr(0, length));
        const HistoryContents contents = read(path);
        CHECK_FALSE(contents.history.missing_tail.empty());
        CHECK(contents.history.attempts.size() % 10 == 0);
        CHECK(contents.history.attempts.size() <= least);
        least = contents.history.attempts.size();
    }
    CHECK(least < 20);
}

TEST_CASE(
    "a flipped byte anywhere behind the first chunk is named, and the other chunks are kept") {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "history.bin";
    write_history(path, 100, 10);
    const std::string whole = slurp(path);
    const std::size_t second_chunk = whole.find("CSCK", whole.find("CSCK") + 1);
    for (std::size_t at = second_chunk; at < whole.size(); at += 3) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
        spill(path, damaged);
        const HistoryContents contents = read(path);
        INFO("byte " << at);
        CHECK_FALSE(contents.history.missing_tail.empty());
        CHECK(contents.history.attempts.size() >= 90);
    }
}

namespace {

/// Users with names of their own, each some 50 bytes: several chunks of them.
class NamedUsers final : public UserSource {
  public:
    explicit NamedUsers(std::uint32_t size) : UserSource(size) {}
    static std::string name(std::uint32_t index) {
        return std::string(45, 'x') + std::to_string(index);
    }
    std::unique_ptr<UserReader> reader() const override { return nullptr; }
    void for_each_name(const std::function<void(std::string_view)>& take) const override {
        for (std::uint32_t i = 0; i < size(); ++i) take(name(i));
    }
    std::string where() const override { return "named"; }
};

void write_named_history(const fs::path& path, std::uint32_t users) {
    HistoryWriter writer(path, {"name", 42, "", users, 3, "now", true});
    writer.write_names(NamedUsers(users));
    HistoryWriter::Lane lane(writer);
    for (std::uint32_t i = users; i-- > 0;) lane.append(attempt_of(i, Outcome::granted), "id");
    lane.flush();
    writer.close();
}

}  // namespace

TEST_CASE("names of their own are kept in the history, and read back without their source") {
    const TemporaryFolder folder;
    write_named_history(folder.path / "h", 5000);
    Names users;
    TextPool texts;
    const HistoryContents contents = read_history(folder.path / "h", users, texts);
    CHECK(contents.history.missing_tail.empty());
    CHECK(contents.header.names_follow);
    REQUIRE(users.size() == 5000);
    for (UserId i = 0; i < 5000; ++i) REQUIRE(users.name(i) == NamedUsers::name(i));
    REQUIRE(contents.history.attempts.size() == 5000);
    CHECK(users.name(contents.history.attempts.front().user) == NamedUsers::name(4999));
    // Once more into a table that has them, as a run does.
    const HistoryContents again = read_history(folder.path / "h", users, texts);
    CHECK(again.history.missing_tail.empty());
    CHECK(users.size() == 5000);
}

TEST_CASE("users with names of their own come and go in a storm that only time ends") {
    const TemporaryFolder folder;
    {
        HistoryHeader header{"name", 42, "", 50, 3, "now", true, true};
        HistoryWriter writer(folder.path / "h", header);
        writer.write_names(NamedUsers(50));
        HistoryWriter::Lane lane(writer);
        for (const UserId user : {2U, 20U, 0U}) {
            lane.append(attempt_of(user, Outcome::granted), "id");
        }
        lane.flush();
        writer.close();
    }
    Names users;
    TextPool texts;
    const HistoryContents contents = read_history(folder.path / "h", users, texts);
    CHECK(contents.history.missing_tail.empty());
    CHECK(contents.header.users == 21);
    REQUIRE(contents.history.attempts.size() == 3);
    CHECK(users.name(contents.history.attempts[1].user) == NamedUsers::name(20));
}

TEST_CASE("whose name was lost has no attempts, and the others keep their names") {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "h";
    write_named_history(path, 5000);
    const std::string whole = slurp(path);
    std::vector<std::size_t> name_chunks;
    for (std::size_t at = whole.find("CSCK"); at != std::string::npos;
         at = whole.find("CSCK", at + 1)) {
        if (whole[at + 4] == 'N') name_chunks.push_back(at);
    }
    REQUIRE(name_chunks.size() >= 4);
    for (const std::size_t lost : name_chunks) {
        std::string damaged = whole;
        damaged[lost + 100] = static_cast<char>(damaged[lost + 100] ^ 1);
        spill(path, damaged);
        Names users;
        TextPool texts;
        const HistoryContents contents = read_history(path, users, texts);
        CHECK(contents.history.missing_tail.find("their users' names are lost") !=
              std::string::npos);
        CHECK(contents.history.attempts.size() > 3000);
        CHECK(contents.history.attempts.size() < 5000);
        for (const Attempt& attempt : contents.history.attempts) {
            REQUIRE(users.name(attempt.user) == NamedUsers::name(attempt.user));
        }
    }
}

TEST_CASE("what is no history is refused in one line") {
    const TemporaryFolder folder;
    spill(folder.path / "a", "hello");
    CHECK_THROWS_AS(read(folder.path / "a"), UsageError);
    spill(folder.path / "b", "");
    CHECK_THROWS_AS(read(folder.path / "b"), UsageError);
    CHECK_THROWS_AS(read(folder.path / "missing"), EnvironmentError);
}

TEST_CASE("a header whose users cannot be told apart, or are too many, is refused") {
    const TemporaryFolder folder;
    { HistoryWriter(folder.path / "same", {"n", 1, "same", 2, 1, "now"}).close(); }
    CHECK_THROWS_WITH(read(folder.path / "same"),
                      Catch::Contains("'same' does not name 2 different users"));
    { HistoryWriter(folder.path / "many", {"n", 1, "u{n}", 4'000'000'000U, 1, "now"}).close(); }
    CHECK_THROWS_WITH(read(folder.path / "many"), Catch::Contains("has lost its first chunk"));
}

TEST_CASE(
    "a disk that fills up is an error that says how much is kept, and what is kept reads back") {
    const TemporaryFolder folder;
    const fs::path path = folder.path / "history.bin";
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100'000, before.rlim_max};
    std::string message;
    {
        HistoryWriter writer(path, header_of(100'000));
        HistoryWriter::Lane lane(writer);
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        for (std::uint32_t i = 0; i < 100'000; ++i) {
            lane.append(attempt_of(i, Outcome::granted), "id");
        }
        lane.flush();
        try {
            writer.close();
        } catch (const EnvironmentError& error) {
            message = error.what();
        }
        CHECK(writer.failed());
    }
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_handler);
    CHECK(message.find("history.bin failed") != std::string::npos);
    const HistoryContents contents = read(path);
    CHECK(contents.history.missing_tail.find("tail is missing") != std::string::npos);
    CHECK(contents.history.attempts.size() > 1000);
    CHECK(message.find(std::to_string(contents.history.attempts.size()) + " attempts recorded") !=
          std::string::npos);
}

TEST_CASE("an export names what an attempt has and leaves out what it has not") {
    Attempt attempt = attempt_of(0, Outcome::granted);
    CHECK(to_ndjson({3, attempt, "u\"1", "id7"}) ==
          R"({"index":3,"user":"u\"1","attempt":1,"outcome":"granted","status":200,"due_ns":10,)"
          R"("sent_ns":1000,"first_byte_ns":2000,"done_ns":3000,"claim_id":"id7"})");
    attempt = Attempt{};
    attempt.transport_error = TransportError::connect_refused;
    CHECK(to_ndjson({0, attempt, "u1", ""}) ==
          R"({"index":0,"user":"u1","attempt":1,"outcome":"not_sent","error":"connect_refused",)"
          R"("due_ns":0})");
    CHECK(to_csv({0, attempt, "a,\"b", ""}) ==
          "0,\"a,\"\"b\",1,not_sent,,connect_refused,0,,,,,,,0,0");
}
