#include <arpa/inet.h>
#include <array>
#include <string_view>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <curl/curl.h>

#include "bench/arrivals.h"
#include "bench/bare_release.h"
#include "bench/h2_receiver.h"
#include "bench/racy_target.h"
#include "bench/receiver.h"

using namespace claimstorm;
using namespace claimstorm::bench;

namespace {

constexpr std::string_view kClaim =
    "POST /claims HTTP/1.1\r\nHost: x\r\ncontent-length: 13\r\n\r\n{\"user\":\"u1\"}";

/// A client whose every step is made by the test.
class Client {
  public:
    explicit Client(const std::string& url) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port =
            htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                          sizeof address) == 0);
    }
    void send(std::string_view bytes) {
        REQUIRE(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    bool answered_within(std::chrono::milliseconds limit) {
        return wait_readable(socket_.get(), limit);
    }
    /// The status of the next answer; 0 when none comes.
    int status() {
        std::array<char, 1024> answer{};
        if (!answered_within(std::chrono::seconds(10))) return 0;
        if (::recv(socket_.get(), answer.data(), answer.size(), 0) <= 12) return 0;
        return std::stoi(std::string(answer.data() + 9, 3));
    }

  private:
    UniqueFd socket_;
};

}  // namespace

TEST_CASE("a request's length is that of head and body, and 0 until both are there") {
    CHECK(request_length(kClaim).value() == kClaim.size());
    CHECK(request_length(std::string(kClaim) + "POST").value() == kClaim.size());
    CHECK(request_length(kClaim.substr(0, kClaim.size() - 1)).value() == 0);
    CHECK(request_length("GET / HTTP/1.1\r\n").value() == 0);
    CHECK(request_length("GET / HTTP/1.1\r\n\r\n").value() == 18);
    CHECK_FALSE(request_length("POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"));
}

TEST_CASE("a request has arrived when its last byte has") {
    Receiver receiver(Receiver::Stamps::all);
    Client client(receiver.url());
    client.send(kClaim.substr(0, kClaim.size() - 1));
    CHECK_FALSE(client.answered_within(std::chrono::milliseconds(20)));
    CHECK(receiver.arrivals().empty());
    const StampNs before = stamp_now();
    client.send(kClaim.substr(kClaim.size() - 1));
    CHECK(client.status() == 200);
    const std::vector<StampNs> arrivals = receiver.arrivals();
    REQUIRE(arrivals.size() == 1);
    CHECK(arrivals[0] >= before);
    CHECK(arrivals[0] <= stamp_now());
}

TEST_CASE("answers kept back go out when as many requests have come as were to be waited for") {
    Receiver receiver(Receiver::Stamps::all);
    receiver.begin(2);
    Client alone(receiver.url());
    alone.send(kClaim);
    CHECK(alone.status() == 200);  // the very first is not kept back
    Client one(receiver.url());
    Client two(receiver.url());
    one.send(kClaim);
    CHECK_FALSE(one.answered_within(std::chrono::milliseconds(50)));
    two.send(kClaim);
    CHECK(one.status() == 200);
    CHECK(two.status() == 200);
}

TEST_CASE("what is no HTTP is shown the door and the others go on being served") {
    Receiver receiver(Receiver::Stamps::none);
    Client wrong(receiver.url());
    Client right(receiver.url());
    wrong.send("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n");
    CHECK(wrong.status() == 0);
    right.send(kClaim);
    CHECK(right.status() == 200);
}

TEST_CASE("the bare loop's claims all arrive") {
    Receiver receiver(Receiver::Stamps::all);
    receiver.begin();
    bare_release(receiver.port(), 50);
    CHECK(spread_ms(receiver.arrivals(), 0, 50).has_value());
    CHECK(receiver.arrivals().size() == 50);
}

TEST_CASE("a racy shop sells one too many when two look before either takes") {
    RacyOptions options;
    options.window = std::chrono::milliseconds(800);
    RacyTarget target(options);
    target.begin(1, 10);
    Client one(target.url());
    Client two(target.url());
    one.send(kClaim);
    CHECK(one.status() == 200);
    two.send(kClaim);  // the first has its answer, but has not taken yet
    CHECK(two.status() == 200);
    const RacyTarget::Sale sale = target.end();
    CHECK(sale.claims == 2);
    CHECK(sale.excess == 1);
}

TEST_CASE("a racy shop sells what it has when they come one after the other") {
    RacyOptions options;
    options.window = std::chrono::milliseconds(1);
    options.answer_min = options.answer_max = std::chrono::milliseconds(20);
    RacyTarget target(options);
    target.begin(1, 2);
    Client client(target.url());
    std::vector<int> statuses;
    statuses.reserve(3);
    for (int i = 0; i < 3; ++i) {
        client.send(kClaim);
        statuses.push_back(client.status());
    }
    CHECK(statuses == std::vector<int>{200, 409, 409});
    const RacyTarget::Sale sale = target.end();
    CHECK(sale.claims == 2);  // the third was beyond what was agreed
    CHECK(sale.excess == 0);
}

TEST_CASE("an HTTP/2 request arrives once and is answered") {
    H2Receiver receiver;
    receiver.begin();
    CURL* curl = curl_easy_init();
    REQUIRE(curl != nullptr);
    const std::string url = receiver.url() + "/claims";
    std::string body;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE});
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, R"({"user":"u1"})");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10'000L);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(
        curl, CURLOPT_WRITEFUNCTION,
        +[](char* bytes, std::size_t size, std::size_t count, std::string* into) {
            into->append(bytes, size * count);
            return size * count;
        });
    CHECK(curl_easy_perform(curl) == CURLE_OK);
    curl_easy_cleanup(curl);
    CHECK(body == kGrantedBody);
    CHECK(receiver.arrivals().size() == 1);
}
