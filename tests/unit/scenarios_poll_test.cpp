// The "poll" of a target file: what it may say, what is refused, and what a run keeps of it.
#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "scenarios/target_file.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

json target_document() {
    return json::parse(R"({
        "base_url": "http://127.0.0.1:3000",
        "claim": { "path": "/claims", "body": { "uid": "{user}" } },
        "outcomes": [ { "status": 200, "is": "granted" }, { "status": 202, "is": "pending" } ],
        "fields": { "claim_id": "/id" },
        "poll": { "path": "/result/{claim_id}", "every": "20ms", "until": "3s" }
    })");
}

Target read(const json& document) {
    return read_target(JsonPlace(document, "t.json"));
}

/// The error when the value at `pointer` is replaced; a null takes it away.
std::string error_with(const char* pointer, const json& value) {
    json document = target_document();
    document[json::json_pointer(pointer)] = value;
    if (value.is_null()) document = document.patch({{{"op", "remove"}, {"path", pointer}}});
    try {
        read(document);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a target file says how pending claims are asked after") {
    const PollSpec poll = read(target_document()).endpoint.poll.value();
    CHECK(poll.request.method == "GET");
    CHECK(poll.request.path == "/result/{claim_id}");
    CHECK(poll.every == 20ms);
    CHECK(poll.until == 3s);
    json document = target_document();
    document["poll"] = {{"path", "/result"},
                        {"method", "POST"},
                        {"headers", {{"X-User", "{user}"}}},
                        {"body", {{"id", "{claim_id}"}}}};
    const PollSpec other = read(document).endpoint.poll.value();
    CHECK(other.request.method == "POST");
    CHECK(other.request.headers.size() == 1);
    CHECK(other.request.body == R"({"id":"{claim_id}"})");
    CHECK(other.request.json_body);
    CHECK(other.every == 50ms);
    CHECK(other.until == 10s);
    // As claimstorm-server announces it.
    document["poll"] = {{"path", "/campaigns/{campaign}/claims/{claim_id}"}, {"every", "50ms"}};
    CHECK(read(document).endpoint.poll.value().until == 10s);
    document.erase("poll");
    CHECK_FALSE(read(document).endpoint.poll.has_value());
}

TEST_CASE("a poll that could never tell anything is refused with its place") {
    CHECK(error_with("/poll/evry", "1s") ==
          "t.json: /poll: unknown key 'evry'; did you mean 'every'?");
    CHECK(error_with("/poll/path", nullptr) == "t.json: /poll: the key 'path' is missing");
    CHECK(error_with("/poll", "/result") ==
          "t.json: /poll: an object is wanted here, this is string");
    CHECK(error_with("/poll/path", "result").find("t.json: /poll/path: a path starts with '/'") ==
          0);
    CHECK(error_with("/poll/path", "/{claimid}") ==
          "t.json: /poll/path: placeholder: unknown placeholder {claimid}; did you mean "
          "{claim_id}?");
    CHECK(error_with("/poll/method", "LOOK").find("t.json: /poll/method: 'LOOK' is not a method") ==
          0);
    CHECK(error_with("/poll/headers", {{"X", "a\nb"}}).find("t.json: /poll/headers/X: ") == 0);
    CHECK(error_with("/poll/every", "soon").find("t.json: /poll/every: ") == 0);
    CHECK(error_with("/poll/every", 20).find("t.json: /poll/every: ") == 0);
    CHECK(error_with("/poll/every", "0").find("t.json: /poll/every: ") == 0);
    CHECK(error_with("/poll/until", "0").find("t.json: /poll/until: ") == 0);
    CHECK(error_with("/poll/until", "20ms") ==
          "t.json: /poll: 'until' must be longer than 'every': the first poll comes that long "
          "after the claim's answer");
    CHECK(error_with("/fields", json::object()) ==
          "t.json: /poll: {claim_id} comes from the answer to the claim: say where with "
          "fields.claim_id");
    CHECK(error_with("/poll/path", "/result/{poll_id}") ==
          "t.json: /poll: {poll_id} comes from the answer to the claim: say where with "
          "fields.poll_id");
    CHECK(error_with("/fields/poll_id", "/job") ==
          "t.json: /poll: fields.poll_id is read for nothing: the poll asks by no {poll_id}");
    CHECK(error_with("/fields/poll_id", 7).find("t.json: /fields/poll_id: a JSON pointer") == 0);
    CHECK(error_with("/outcomes/1", {{"status", 202}, {"is", "throttled"}}) ==
          "t.json: /poll: no rule of outcomes says \"pending\": nothing would be polled");
    CHECK(error_with("/claim/path", "/{claim_id}").find("t.json: /claim/path: ") == 0);
}

TEST_CASE("a poll without {claim_id} needs no field for it") {
    json document = target_document();
    document["poll"]["path"] = "/result?user={user}";
    document.erase("fields");
    CHECK(read(document).endpoint.poll.has_value());
}

TEST_CASE("a poll may ask by an id that is no claim id") {
    json document = target_document();
    document["fields"] = {{"claim_id", "/order"}, {"poll_id", {{"header", "Location"}}}};
    document["poll"]["path"] = "/result{poll_id}";
    const Target target = read(document);
    CHECK(target.endpoint.fields.poll_id.header == "Location");
    const json saved = json::parse(target_to_json(target).dump());
    CHECK(saved["fields"]["poll_id"] == json{{"header", "Location"}});
    CHECK(read(saved).endpoint.fields.poll_id.header == "Location");
    document.erase("poll");
    CHECK_THROWS_WITH(read(document),
                      "t.json: /: fields.poll_id is what a poll asks by, and there is no poll");
}

TEST_CASE("a poll reads back from the JSON it is saved as, without its secrets") {
    json document = target_document();
    document["poll"]["headers"] = {{"Authorization", "Bearer abc"}};
    const std::string saved = target_to_json(read(document)).dump();
    CHECK(saved.find("Bearer") == std::string::npos);
    const json again = json::parse(saved);
    CHECK(again["poll"] == json{{"method", "GET"},
                                {"path", "/result/{claim_id}"},
                                {"headers", {{"Authorization", "***"}}},
                                {"every", "20ms"},
                                {"until", "3s"}});
    CHECK(target_to_json(read(again)).dump() == saved);
    document["poll"] = {{"path", "/result"}, {"method", "POST"}, {"body", {{"id", "{claim_id}"}}}};
    CHECK(json::parse(target_to_json(read(document)).dump())["poll"] ==
          json{{"method", "POST"},
               {"path", "/result"},
               {"body", {{"id", "{claim_id}"}}},
               {"every", "50ms"},
               {"until", "10s"}});
}

TEST_CASE("the schema names exactly the keys that the loader takes in a poll") {
    const json schema = json::parse(
        slurp(std::filesystem::path(CLAIMSTORM_SOURCE_DIR) / "scenarios" / "scenario.schema.json"));
    const json& poll = schema.at("definitions").at("poll");
    CHECK(poll.at("additionalProperties") == false);
    std::set<std::string> in_schema;
    for (const auto& [key, value] : poll.at("properties").items()) in_schema.insert(key);
    // The loader lists what it knows when a key is like none of them.
    const std::string message = error_with("/poll/zzzzzzzzzzzzzzzzzzzz", 1);
    const std::string list = message.substr(message.find("known here are: ") + 16);
    std::set<std::string> in_loader;
    const std::regex word("[a-z_]+");
    for (std::sregex_iterator i(list.begin(), list.end(), word), end; i != end; ++i) {
        in_loader.insert(i->str());
    }
    CHECK(in_schema == in_loader);
}
