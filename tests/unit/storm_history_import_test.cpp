#include <sstream>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/history_export.h"
#include "storm/history_import.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

/// An imported log, read back.
struct Imported {
    TemporaryFolder folder;
    Names users;
    TextPool texts;
    HistoryContents contents;
    ImportedLog log;

    explicit Imported(const std::string& text) {
        std::istringstream in(text);
        HistoryHeader header;
        header.scenario = "s";
        log = import_history(in, "log.ndjson", folder.path / "history.bin", header);
        contents = read_history(folder.path / "history.bin", users, texts);
    }
    Attempt attempt(std::size_t at) const { return contents.history.attempts[at]; }
    std::vector<int> numbers() const {
        std::vector<int> numbers;
        numbers.reserve(contents.history.attempts.size());
        for (const Attempt& attempt : contents.history.attempts) numbers.push_back(attempt.number);
        return numbers;
    }
};

std::string error_of(const std::string& text) {
    try {
        const Imported imported(text);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

/// Many lines in an order that the numbering must put right.
std::string long_log(int users) {
    std::string text;
    for (int click = 2; click >= 1; --click) {
        for (int user = 0; user < users; ++user) {
            text += "{\"user\":\"user" + std::to_string(user) +
                    "\",\"sent_ns\":" + std::to_string(click * 1000) +
                    ",\"outcome\":\"unknown\"}\n";
        }
    }
    return text;
}

}  // namespace

TEST_CASE("a log's line is an attempt, with all that it says and nothing else") {
    const Imported imported(
        R"({"user":"u1","sent_ns":5,"done_ns":1200,"outcome":"granted","claim_id":"c7","ticket":3,"amount_cents":250,"due_ns":1,"first_byte_ns":900,"http_status":200,"number":4})"
        "\n\n"
        R"({"user":7,"sent_ns":10,"done_ns":null,"outcome":"unknown","claim_id":18446744073709551615,"transport_error":"reset"})"
        "\r\n"
        R"({"user":"ü","outcome":"not_sent","claim_id":null})");
    CHECK(imported.log.attempts == 3);
    CHECK(imported.log.users == 3);
    CHECK(imported.contents.history.origin == HistoryOrigin::imported);
    CHECK(imported.contents.history.missing_tail.empty());
    const Attempt& first = imported.attempt(0);
    CHECK(imported.users.name(first.user) == "u1");
    CHECK(first.outcome == Outcome::granted);
    CHECK(first.due_ns == 1);
    CHECK(first.sent_ns == 5);
    CHECK(first.first_byte_ns == 900);
    CHECK(first.done_ns == 1200);
    CHECK(imported.texts.view(first.claim_id) == "c7");
    CHECK(first.ticket == 3);
    CHECK(first.amount_cents == 250);
    CHECK(first.http_status == 200);
    CHECK(first.number == 4);
    const Attempt& second = imported.attempt(1);
    CHECK(imported.users.name(second.user) == "7");
    CHECK(second.due_ns == 10);
    CHECK(second.done_ns == kNever);
    CHECK(imported.texts.view(second.claim_id) == "18446744073709551615");
    CHECK(second.transport_error == TransportError::reset);
    CHECK(second.ticket == kNoNumber);
    CHECK(imported.users.name(imported.attempt(2).user) == "ü");
    CHECK(imported.attempt(2).sent_ns == kNever);
    CHECK(imported.attempt(2).claim_id == kNoText);
}

TEST_CASE("attempts without a number are numbered by when they were sent, user by user") {
    const Imported imported(R"({"user":"a","sent_ns":30,"outcome":"sold_out"}
{"user":"b","sent_ns":5,"outcome":"sold_out"}
{"user":"a","sent_ns":10,"outcome":"sold_out"}
{"user":"a","sent_ns":20,"outcome":"granted","number":9}
{"user":"b","sent_ns":5,"outcome":"granted"}
)");
    CHECK(imported.numbers() == std::vector<int>{3, 1, 1, 9, 2});
    CHECK_FALSE(std::filesystem::exists(imported.folder.path / "history.bin.new"));
}

TEST_CASE("a log in a clock's time is told from its first attempt on") {
    const Imported imported(
        R"({"user":"a","sent_ns":1700000000000002000,"done_ns":1700000000000003000,"outcome":"granted"}
{"user":"b","sent_ns":1700000000000001000,"due_ns":1700000000000000500,"first_byte_ns":1700000000000001100,"outcome":"unknown"}
{"user":"a","sent_ns":1700000000000001500,"outcome":"unknown"}
{"user":"c","outcome":"not_sent"}
)");
    CHECK(imported.attempt(0).sent_ns == 1500);
    CHECK(imported.attempt(0).due_ns == 1500);
    CHECK(imported.attempt(0).done_ns == 2500);
    CHECK(imported.attempt(0).number == 2);
    CHECK(imported.attempt(1).due_ns == 0);
    CHECK(imported.attempt(1).sent_ns == 500);
    CHECK(imported.attempt(1).first_byte_ns == 600);
    CHECK(imported.attempt(1).done_ns == kNever);
    CHECK(imported.attempt(3).due_ns == 0);
    // Half a minute after a release is no clock's time.
    const Imported late(R"({"user":"a","sent_ns":30000000000,"outcome":"unknown"})");
    CHECK(late.attempt(0).sent_ns == 30'000'000'000);
}

TEST_CASE("a log of many chunks keeps every attempt, name and number") {
    constexpr int kUsers = 40'000;
    const Imported imported(long_log(kUsers));
    REQUIRE(imported.contents.history.attempts.size() == std::size_t{2} * kUsers);
    CHECK(imported.contents.history.missing_tail.empty());
    CHECK(imported.users.size() == kUsers);
    CHECK(imported.users.name(imported.attempt(kUsers - 1).user) == "user39999");
    CHECK(imported.attempt(kUsers - 1).number == 2);
    CHECK(imported.attempt(kUsers - 1).sent_ns == 2000);
    CHECK(imported.attempt(2 * kUsers - 1).number == 1);
    CHECK(imported.attempt(2 * kUsers - 1).user == imported.attempt(kUsers - 1).user);
}

TEST_CASE("more attempts of one user than numbers reach share the last one") {
    std::string text;
    for (int i = 0; i < 65'537; ++i) {
        text += "{\"user\":\"u\",\"sent_ns\":" + std::to_string(i) + ",\"outcome\":\"unknown\"}\n";
    }
    const Imported imported(text);
    CHECK(imported.attempt(65'534).number == 65'535);
    CHECK(imported.attempt(65'536).number == 65'535);
}

TEST_CASE("what claimstorm exports is imported again as it was") {
    const Imported first(
        R"({"user":"u1","sent_ns":5,"done_ns":12,"outcome":"granted","claim_id":"c7","ticket":3,"http_status":200,"due_ns":1,"waited":true})"
        "\n"
        R"({"user":"u2","sent_ns":6,"outcome":"unknown","transport_error":"timeout","number":2,"other_campaign":3})"
        "\n");
    const auto exported = [](const Imported& imported) {
        std::string text;
        std::uint64_t index = 0;
        for (const Attempt& attempt : imported.contents.history.attempts) {
            text += to_ndjson({index++, attempt, imported.users.name(attempt.user),
                               imported.texts.view(attempt.claim_id)}) +
                    "\n";
        }
        return text;
    };
    const std::string text = exported(first);
    CHECK(text.find("\"waited\":true") != std::string::npos);
    CHECK(exported(Imported(text)) == text);
}

TEST_CASE("a bad line is refused with its number and what is wrong with it") {
    const std::string good = R"({"user":"u1","sent_ns":0,"outcome":"granted"})";
    const auto second = [&](const std::string& line) {
        return error_of(good + "\n" + line + "\n");
    };
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcom":"granted"})") ==
          "log.ndjson:2: unknown key 'outcom'; did you mean 'outcome'?");
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcome":"grantd"})") ==
          "log.ndjson:2: 'grantd' is not an outcome; did you mean 'granted'?");
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcome":"unknown","transport_error":"rest"})") ==
          "log.ndjson:2: 'rest' is not a transport error; did you mean 'reset'?");
    CHECK(second(R"({"sent_ns":0,"outcome":"granted"})") ==
          "log.ndjson:2: the key 'user' is missing");
    CHECK(second(R"({"user":"u1","sent_ns":0})") == "log.ndjson:2: the key 'outcome' is missing");
    CHECK(second(R"({"user":"u1","outcome":"granted"})") ==
          "log.ndjson:2: sent_ns is missing: only an attempt that was not_sent has none");
    CHECK(second(R"({"user":"u1","sent_ns":9,"done_ns":8,"outcome":"granted"})") ==
          "log.ndjson:2: done_ns 8 is before sent_ns 9");
    CHECK(second(R"({"user":"u1","sent_ns":1.5,"outcome":"granted"})") ==
          "log.ndjson:2: sent_ns: a whole number is wanted here, this is 1.5");
    CHECK(second(R"({"user":"u1","sent_ns":"0","outcome":"granted"})") ==
          "log.ndjson:2: sent_ns: a whole number is wanted here, this is a text");
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcome":"granted","ticket":"7"})") ==
          "log.ndjson:2: ticket: a whole number is wanted here, this is a text");
    CHECK(second(R"({"user":"u1","sent_ns":9223372036854775807,"outcome":"granted"})") ==
          "log.ndjson:2: sent_ns: 9223372036854775807 is no instant in nanoseconds");
    CHECK(second(R"({"user":null,"sent_ns":0,"outcome":"granted"})") ==
          "log.ndjson:2: user: a text or a whole number is wanted here, this is null");
    CHECK(second(R"({"user":"","sent_ns":0,"outcome":"granted"})") ==
          "log.ndjson:2: user: a name must not be empty");
    CHECK(second(R"({"user":"u1","user":"u2","sent_ns":0,"outcome":"granted"})") ==
          "log.ndjson:2: the key 'user' says again what stands there already");
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcome":"granted","number":0})") ==
          "log.ndjson:2: number: 0 is out of range: 1 to 65535");
    CHECK(second(R"({"user":"u1","sent_ns":0,"outcome":"granted","claim_id":["7"]})") ==
          "log.ndjson:2: claim_id: a text or a whole number is wanted here, this is a list");
    CHECK(second("[1]") == "log.ndjson:2: an object is wanted: {\"user\": \"u1\", …}");
    CHECK(second("{\"user\":\"u1\"").find("log.ndjson:2: not JSON at character ") == 0);
    CHECK(second(std::string(2U << 20U, ' ')).find("longer than 1 MiB") != std::string::npos);
    CHECK(error_of("\n\n") == "log.ndjson holds no attempt: one JSON object a line is wanted");
}
