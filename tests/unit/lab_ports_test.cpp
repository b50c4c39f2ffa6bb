#include <arpa/inet.h>
#include <fstream>
#include <set>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "lab/ports.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;

TEST_CASE("labs listen where the kernel takes no client ports from") {
    CHECK(lab_ports({32768, 60999}).last == 32767);
    CHECK(lab_ports({32768, 60999}).first == 10000);
    CHECK(lab_ports({15000, 65535}).last == 14999);
    CHECK(lab_ports({1024, 50000}).first == 50001);
    CHECK(lab_ports({1024, 50000}).last == 65535);
    CHECK(lab_ports({1024, 5000}).first == 10000);
    // Nothing is left outside: any port is as good as another.
    CHECK(lab_ports({1024, 65535}).first < lab_ports({1024, 65535}).last);
}

TEST_CASE("a lease lies outside of this machine's range for client ports") {
    std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
    int first = 0;
    int last = 0;
    REQUIRE(file >> first >> last);
    test::TempFolder folder;
    for (int i = 0; i < 50; ++i) {
        const int port = PortLease::take(folder.path()).port();
        CHECK((port < first || port > last));
    }
}

TEST_CASE("no two living leases have the same port") {
    test::TempFolder folder;
    std::vector<PortLease> leases;
    std::set<int> ports;
    for (int i = 0; i < 400; ++i) {
        leases.push_back(PortLease::take(folder.path()));
        ports.insert(leases.back().port());
    }
    CHECK(ports.size() == leases.size());
}

TEST_CASE("a lease can be listened on") {
    test::TempFolder folder;
    const PortLease lease = PortLease::take(folder.path());
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(lease.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(listener.get(), generic, sizeof address) == 0);
    CHECK(::listen(listener.get(), 1) == 0);
}
