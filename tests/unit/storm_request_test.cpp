#include <catch2/catch.hpp>

#include "model/error.h"
#include "model/text_template.h"
#include "storm/address.h"
#include "storm/outcome_rules.h"
#include "storm/request_template.h"

using namespace claimstorm;

namespace {

std::string render(const RequestSpec& spec, std::uint32_t n = 7) {
    const RequestTemplate request(spec, "h:1", "/base", "sale 1/2", "claim");
    std::string out;
    request.render(out, make_template_users("u{n}", n)->reader()->read(n), {2});
    return out;
}

std::string message_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a request has its placeholders filled in, escaped as their place asks") {
    RequestSpec spec;
    spec.path = "/sk/{campaign}/{n}?try={attempt}";
    spec.headers = {{"X-User", "{user}"}};
    spec.body = R"({"uid":"{user}","c":"{campaign}"})";
    spec.json_body = true;
    CHECK(render(spec) ==
          "POST /base/sk/sale%201%2F2/7?try=2 HTTP/1.1\r\n"
          "Host: h:1\r\n"
          "User-Agent: claimstorm/" CLAIMSTORM_VERSION
          "\r\n"
          "Content-Type: application/json\r\n"
          "X-User: u7\r\n"
          "Content-Length: 27\r\n\r\n"
          R"({"uid":"u7","c":"sale 1/2"})"
          "");
}

TEST_CASE("a user's name cannot break out of a JSON body") {
    RequestSpec spec;
    spec.body = R"({"uid":"{user}"})";
    spec.json_body = true;
    const RequestTemplate request(spec, "h", "", "1", "claim");
    std::string out;
    request.render(out, {1, "a\"b\\c\n1", {}}, {});
    CHECK(out.substr(out.find("\r\n\r\n") + 4) == "{\"uid\":\"a\\\"b\\\\c\\u000a1\"}");
}

TEST_CASE("values are written into a text body as its type asks") {
    const auto body_of = [](const std::string& type, const std::string& body) {
        RequestSpec spec;
        spec.body = body;
        if (!type.empty()) spec.headers = {{"content-type", type}};
        const RequestTemplate request(spec, "h", "", "1", "claim");
        std::string out;
        request.render(out, {1, "1 a&b=\"<~*é", {}}, {});
        return out.substr(out.find("\r\n\r\n") + 4);
    };
    const std::string form = "user=1+a%26b%3D%22%3C%7E*%C3%A9&x=a b";
    CHECK(body_of("", "user={user}&x=a b") == form);
    CHECK(body_of("Application/X-WWW-Form-Urlencoded ; charset=utf-8", "user={user}&x=a b") ==
          form);
    CHECK(body_of("text/xml", "<u>{user}</u>") == "<u>1 a&b=\"<~*é</u>");
    CHECK(body_of("text/plain", "{user}") == "1 a&b=\"<~*é");
    CHECK(body_of("application/json", R"({"n": {n}, "u": "{user}"})") ==
          R"({"n": 1, "u": "1 a&b=\"<~*é"})");
    CHECK(body_of("application/vnd.shop+json;v=2", R"("{user}")") == R"("1 a&b=\"<~*é")");
}

TEST_CASE("a request without a body announces none, and a POST says that it is empty") {
    RequestSpec get;
    get.method = "GET";
    CHECK(render(get).find("Content-Length") == std::string::npos);
    CHECK(render(RequestSpec{}).ends_with("Content-Length: 0\r\n\r\n"));
}

TEST_CASE("headers of the target file win over ours") {
    RequestSpec spec;
    spec.headers = {{"host", "other"}, {"content-type", "text/plain"}, {"USER-AGENT", "me"}};
    spec.body = "x";
    const std::string text = render(spec);
    CHECK(text.find("Host: h:1") == std::string::npos);
    CHECK(text.find("claimstorm") == std::string::npos);
    CHECK(text.find("urlencoded") == std::string::npos);
}

TEST_CASE("braces that name nothing stand for themselves, and an unknown name is an error") {
    CHECK(TextTemplate("{} {1} { n} {n", {"n"}, "x").filled({"v"}) == "{} {1} { n} {n");
    CHECK(TextTemplate("{\"a\":{n}}", {"n"}, "x").filled({"v"}) == "{\"a\":v}");
    CHECK(message_of([] {
              TextTemplate("{usr}", {"user", "n"}, "claim.path");
          }) == "claim.path: unknown placeholder {usr}; did you mean {user}?");
    CHECK(message_of([] {
              TextTemplate("{zzzzzz}", {"user", "n"}, "claim.path");
          }) == "claim.path: unknown placeholder {zzzzzz}; known are {user}, {n}");
}

TEST_CASE("a statement's placeholders become marks, in order") {
    const auto [sql, order] = TextTemplate("SELECT {b}, {a}, {b}", {"a", "b"}, "x").marked("?");
    CHECK(sql == "SELECT ?, ?, ?");
    CHECK(order == std::vector<std::size_t>{1, 0, 1});
}

TEST_CASE("the first outcome rule that fits wins") {
    const OutcomeRules rules({{200, {{"/code", "0"}}, std::nullopt, Outcome::granted},
                              {std::nullopt, {{"/code", "1001"}}, std::nullopt, Outcome::sold_out},
                              {std::nullopt, {}, "repeat", Outcome::already_claimed},
                              {200, {}, std::nullopt, Outcome::rejected}},
                             {"/data/id", "/data/no", "/data/fen"});
    CHECK(rules.read(200, R"({"code":0})").outcome == Outcome::granted);
    CHECK(rules.read(201, R"({"code":0})").matched == false);
    CHECK(rules.read(500, R"({"code":1001})").outcome == Outcome::sold_out);
    CHECK(rules.read(400, "you repeat yourself").outcome == Outcome::already_claimed);
    CHECK(rules.read(200, R"({"code":"0"})").outcome == Outcome::rejected);
    CHECK(rules.read(200, "not json").outcome == Outcome::rejected);
}

TEST_CASE("what no rule fits is unknown, never a guess") {
    const OutcomeRules rules({{200, {}, std::nullopt, Outcome::granted}}, {});
    const ResponseReading reading = rules.read(302, "");
    CHECK(reading.outcome == Outcome::unknown);
    CHECK_FALSE(reading.matched);
}

TEST_CASE("a grant's numbers are read wherever they are numbers or texts of numbers") {
    const OutcomeRules rules({{200, {}, std::nullopt, Outcome::granted}},
                             {"/id", "/a/0/t", "/cents"});
    const ResponseReading reading =
        rules.read(200, R"({"id":12345678901234567890,"a":[{"t":"17"}],"cents":-5})");
    CHECK(reading.claim_id == "12345678901234567890");
    CHECK(reading.ticket == 17);
    CHECK(reading.amount_cents == -5);
    const ResponseReading odd = rules.read(200, R"({"id":null,"a":[{"t":"17x"}],"cents":1.5})");
    CHECK(odd.claim_id.empty());
    CHECK(odd.ticket == kNoNumber);
    CHECK(odd.amount_cents == kNoNumber);
}

TEST_CASE("no body makes the rules throw") {
    const OutcomeRules rules({{std::nullopt, {{"/a/b", "1"}}, "x+y", Outcome::granted}},
                             {"/id", "", ""});
    for (const std::string& body :
         {std::string(), std::string(100'000, '['), std::string(100'000, 'x'),
          std::string("{\"a\":"), std::string("\xff\xfe\x00", 3), std::string("1e999"),
          std::string("{\"a\":[]}")}) {
        CHECK_FALSE(rules.read(200, body).matched);
    }
}

TEST_CASE("a claim id is a text or a number: what a service nests there is none, however deep") {
    const OutcomeRules rules({{200, {}, {}, Outcome::granted}}, {"/id", "", ""});
    const std::string deep = std::string(120'000, '[') + std::string(120'000, ']');
    CHECK(rules.read(200, "{\"id\":" + deep + "}").claim_id.empty());
    CHECK(rules.read(200, "{\"id\":true}").claim_id == "true");
}

TEST_CASE("no expression takes more than linear time, whatever the body") {
    const OutcomeRules rules({{{}, {}, "(\\w+\\s?)+!", Outcome::granted}}, {});
    CHECK_FALSE(rules.read(200, std::string(200'000, 'a')).matched);
    CHECK(rules.read(200, std::string(200'000, 'a') + "!").matched);
}

TEST_CASE("rules that cannot be understood are refused with their place") {
    CHECK(message_of([] {
              OutcomeRules({{{}, {{"code", "0"}}, {}, Outcome::granted}}, {});
          }).find("outcomes/0.json: 'code' is not a JSON pointer") == 0);
    CHECK(message_of([] {
              OutcomeRules({{{}, {}, "(", Outcome::granted}}, {});
          }).find("outcomes/0.body_regex: '(' is not a regular expression") == 0);
    CHECK(message_of([] { OutcomeRules({}, {"id", "", ""}); }).find("fields/claim_id") == 0);
}

TEST_CASE("a base URL is taken apart") {
    const HttpAddress plain = parse_base_url("http://127.0.0.1:3000/shop/");
    CHECK(plain.host == "127.0.0.1");
    CHECK(plain.port == 3000);
    CHECK(plain.path_prefix == "/shop");
    CHECK(plain.host_header() == "127.0.0.1:3000");
    const HttpAddress six = parse_base_url("http://[::1]:81");
    CHECK(six.host == "::1");
    CHECK(six.host_header() == "[::1]:81");
    CHECK(parse_base_url("http://localhost").port == 80);
    CHECK(parse_base_url("http://localhost").host_header() == "localhost");
    const HttpAddress secure = parse_base_url("https://shop.example/api");
    CHECK(secure.tls);
    CHECK(secure.port == 443);
    CHECK(secure.host_header() == "shop.example");
    CHECK(secure.origin() == "https://shop.example");
    CHECK(parse_base_url("https://shop.example:80").host_header() == "shop.example:80");
}

TEST_CASE("what is no base URL is refused") {
    for (const char* url :
         {"", "127.0.0.1:80", "ftp://h", "http://", "http://h:0", "http://h:65536", "http://h:80x",
          "http://[::1", "http://[::1]x", "http://u:p@h", "http://h/?q", "http://h /"}) {
        INFO(url);
        CHECK_THROWS_AS(parse_base_url(url), UsageError);
    }
}

TEST_CASE("a storm goes to this machine only, unless the target file allows the host") {
    for (const char* url :
         {"http://127.0.0.1", "http://127.9.9.9", "http://[::1]", "http://localhost"}) {
        CHECK_NOTHROW(require_allowed_host(parse_base_url(url), {}));
    }
    const HttpAddress other = parse_base_url("http://shop.example:80");
    CHECK_THROWS_AS(require_allowed_host(other, {}), UsageError);
    CHECK_THROWS_AS(require_allowed_host(other, {"example"}), UsageError);
    CHECK_NOTHROW(require_allowed_host(other, {"shop.example"}));
    CHECK_THROWS_AS(require_allowed_host(parse_base_url("http://127.0.0.1"), {"shop.example"}),
                    UsageError);
}
