#include <set>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "model/error.h"
#include "storm/csv.h"
#include "storm/csv_users.h"
#include "storm/random.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

/// A file of users that goes away with the test.
struct UsersFile {
    TemporaryFolder folder;
    std::string path = (folder.path / "a.csv").string();

    explicit UsersFile(const std::string& text) { spill(path, text); }

    CsvUsers spec(const std::string& name = "user") const {
        return {path, read_csv_columns(path), name};
    }
    std::shared_ptr<const UserSource> users(std::uint32_t size,
                                            const std::string& name = "user") const {
        return make_csv_users(spec(name), size);
    }
    /// The complaint, without the folder.
    std::string complaint(std::uint32_t size, const std::string& name = "user") const {
        try {
            users(size, name);
        } catch (const UsageError& error) {
            std::string what = error.what();
            const std::size_t at = what.find(path);
            return at == std::string::npos ? what : what.replace(at, path.size(), "a.csv");
        }
        return "no error";
    }
};

std::string complaint_of(const std::string& text, std::uint32_t size = 1) {
    return UsersFile(text).complaint(size);
}

/// "name|column|column".
std::string told(const UserValues& user) {
    return fmt::format("{}|{}", user.name, fmt::join(user.columns, "|"));
}

std::string told(const UserSource& users, std::uint32_t n) {
    return told(users.reader()->read(n));
}

std::string in_quotes(std::string_view field) {
    std::string out = "\"";
    for (const char c : field) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
}

}  // namespace

TEST_CASE("a row's fields are read as RFC 4180 writes them") {
    const UsersFile file(
        "\xEF\xBB\xBFuser,token,note\r\n"
        "alice,t1,plain\r\n"
        "\"bob, jr\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n"
        "\n"
        "carol,,\"\"\n"
        "dave,t4,last");
    CHECK(read_csv_columns(file.path) == std::vector<std::string>{"user", "token", "note"});
    const auto users = file.users(4);
    CHECK(told(*users, 1) == "alice|t1|plain");
    CHECK(told(*users, 2) == "bob, jr|say \"hi\"|two\r\nlines");
    CHECK(told(*users, 3) == "carol||");
    CHECK(told(*users, 4) == "dave|t4|last");
    CHECK(users->reader()->read(2).n == 2);
}

TEST_CASE("the name's column may be called otherwise, and stays a placeholder then") {
    const UsersFile file("token,uid\nt1,7\n");
    CHECK(told(*file.users(1, "uid"), 1) == "7|t1|7");
    EndpointSpec endpoint;
    endpoint.csv_users = file.spec("uid");
    CHECK(user_columns(endpoint) == std::vector<std::string_view>{"token", "uid"});
    const UsersFile usual("token,user\nt1,7\n");
    endpoint.csv_users = usual.spec();
    CHECK(told(*usual.users(1), 1) == "7|t1");
    CHECK(user_columns(endpoint) == std::vector<std::string_view>{"token"});
}

TEST_CASE("every user is found, in any order, whatever the rows look like") {
    Random random(7, 1);
    std::string text = "user,a,b\r\n";
    std::vector<std::string> expected;
    for (int i = 0; i < 5000; ++i) {
        const auto field = [&] {
            static constexpr std::string_view kBytes = "xy,\"\n\r é";
            std::string bytes;
            for (std::uint64_t size = random.below(40); size > 0; --size) {
                bytes.push_back(kBytes[random.below(kBytes.size())]);
            }
            return bytes;
        };
        const std::string a = field();
        const std::string b = random.below(500) == 0 ? std::string(60'000, 'z') : field();
        const std::string name = fmt::format("u{}", i);
        text +=
            name + "," + in_quotes(a) + "," + in_quotes(b) + (random.below(2) == 0 ? "\n" : "\r\n");
        if (random.below(20) == 0) text += "\n";
        expected.push_back(fmt::format("{}|{}|{}", name, a, b));
    }
    const UsersFile file(text);
    const auto users = file.users(5000);
    const auto reader = users->reader();
    for (int i = 0; i < 20'000; ++i) {
        const auto user = static_cast<std::uint32_t>(random.below(5000));
        REQUIRE(told(reader->read(user + 1)) == expected[user]);
    }
    std::size_t next = 0;
    users->for_each_name([&](std::string_view name) {
        REQUIRE(name == fmt::format("u{}", next));
        ++next;
    });
    CHECK(next == 5000);
}

TEST_CASE("what is wrong with a row is told with its line") {
    CHECK(complaint_of("user,t\na\n") ==
          "a.csv:2: a row of 1, where the first one names 2 columns");
    CHECK(complaint_of("user,t\na,\"x\ny\"\n\nb,2,3\n", 2) ==
          "a.csv:5: a row of 3, where the first one names 2 columns");
    CHECK(complaint_of("user,t\n,1\n") == "a.csv:2: the user's name (column user) is empty");
    CHECK(complaint_of("user\na\"b\n").find("a.csv:2: a quote stands inside a field") == 0);
    CHECK(complaint_of("user\n\"a\"b\n").find("a.csv:2: something stands behind a closing quote") ==
          0);
    CHECK(complaint_of("user\n\"a\nb\nc").find("a.csv:2: a quote is opened and not closed") == 0);
    CHECK(complaint_of("user\na\rb\n").find("a.csv:2: a carriage return") == 0);
    CHECK(complaint_of("user\n\"" + std::string(300'000, 'x'))
              .find("a.csv:2: the row that begins here has more than 64 KiB") == 0);
    CHECK(complaint_of("user\n" + std::string(70'000, 'x') + "\n").find("more than 64 KiB") !=
          std::string::npos);
    CHECK(complaint_of("user\n" + std::string(60'000, 'x') + "\n") == "no error");
    CHECK(complaint_of("\xFF\xFEu").find("UTF-16") != std::string::npos);
}

TEST_CASE("what is behind the last user wanted is not looked at") {
    CHECK(complaint_of("user\na\nb\n\"", 2) == "no error");
    CHECK(complaint_of("user\na\nb\n\"", 3).find("a.csv:4: ") == 0);
}

TEST_CASE("too few users are told with their number") {
    CHECK(complaint_of("user\na\nb\n\n", 3) ==
          "a.csv has 2 users, and 3 are wanted: lower storm.users or add rows");
    CHECK(complaint_of("user\n", 1).find("a.csv has 0 users") == 0);
}

TEST_CASE("columns that could be no placeholders are refused") {
    CHECK(complaint_of("").find("a.csv:1: the file is empty") == 0);
    CHECK(complaint_of("user,Auth Token\n").find("a.csv:1: the first row names the columns") == 0);
    CHECK(complaint_of("user,1st\n").find("'1st' cannot be a placeholder") != std::string::npos);
    CHECK(complaint_of("user,\n").find("'' cannot be a placeholder") != std::string::npos);
    for (const char* taken :
         {"n", "campaign", "attempt", "idempotency_key", "claim_id", "poll_id"}) {
        CHECK(complaint_of(fmt::format("user,{}\n", taken))
                  .find(fmt::format("{{{}}} is filled in by claimstorm", taken)) !=
              std::string::npos);
    }
    CHECK(complaint_of("user,a,a\n") == "a.csv:1: two columns are called 'a'");
    CHECK(complaint_of("uid,token\n") ==
          "a.csv: there is no column 'user' for the users' names; say with users.name which it is "
          "of: uid, token");
    CHECK(UsersFile("uid,user\n").complaint(1, "uid").find("there is a column 'user' too") !=
          std::string::npos);
    CHECK_THROWS_WITH(read_csv_columns("/nonexistent/a.csv"), Catch::Contains("cannot be read"));
    CHECK_THROWS_WITH(read_csv_columns("/dev/null"), Catch::Contains("is no regular file"));
}

TEST_CASE("a name that stands twice is told with both lines, wherever they are") {
    std::string text = "user\n";
    for (int i = 0; i < 3000; ++i) text += fmt::format("u{}\n", i == 2998 ? 17 : i);
    CHECK(complaint_of(text, 3000) == "a.csv:3000: the user 'u17' stands in line 19 already");
    CHECK(complaint_of(text, 2998) == "no error");
}

TEST_CASE("names are compared in shares when they are too many for one") {
    // Above four million: the file is read again for each share.
    constexpr std::uint32_t kUsers = 4'200'000;
    std::string text = "user\n";
    text.reserve(std::size_t{kUsers} * 8);
    for (std::uint32_t i = 0; i < kUsers; ++i) fmt::format_to(std::back_inserter(text), "{}\n", i);
    const UsersFile file(text);
    CHECK(told(*file.users(kUsers), kUsers) == fmt::format("{}|", kUsers - 1));
    text += "1234567\n";
    spill(file.path, text);
    CHECK(file.complaint(kUsers + 1) ==
          fmt::format("a.csv:{}: the user '1234567' stands in line 1234569 already", kUsers + 2));
}

TEST_CASE("a file that was changed meanwhile is an error, not another user") {
    std::string text = "user,t\n";
    for (int i = 0; i < 100; ++i) text += fmt::format("u{},t{}\n", i, i);
    const UsersFile file(text);
    const auto users = file.users(100);
    spill(file.path, text.substr(0, text.size() / 2));
    CHECK_THROWS_AS(users->reader()->read(100), EnvironmentError);
    spill(file.path, std::string(text.size(), 'x'));
    CHECK_THROWS_AS(users->reader()->read(20), EnvironmentError);
    CHECK_THROWS_AS(users->for_each_name([](std::string_view) {}), UsageError);
}

TEST_CASE("no bytes make a row's reader crash or run past its text") {
    Random random(11, 1);
    constexpr std::string_view kBytes = "a,\"\r\n";
    CsvRow row;
    int rows = 0;
    for (int i = 0; i < 200'000; ++i) {
        std::string text;
        for (std::uint64_t size = random.below(12) + 1; size > 0; --size) {
            text.push_back(kBytes[random.below(kBytes.size())]);
        }
        const CsvRow::Result whole = row.read(text, true);
        REQUIRE(whole != CsvRow::Result::need_more);
        if (whole == CsvRow::Result::wrong) continue;
        REQUIRE(row.length() > 0);
        REQUIRE(row.length() <= text.size());
        ++rows;
        // A row that is there whole is the same row when more may follow.
        const std::size_t length = row.length();
        const std::size_t fields = row.size();
        const CsvRow::Result part = row.read(text + "x", false);
        if (length < text.size()) {
            REQUIRE(part == whole);
            REQUIRE(row.length() == length);
            REQUIRE(row.size() == fields);
        }
    }
    CHECK(rows > 10'000);
}
