#include <catch2/catch.hpp>

#include "stores/evidence_reader.h"
#include "tests/support/certificates.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

std::string cipher_with(const std::string& url) {
    MysqlConnection mysql(parse_mysql_url(url));
    return mysql.query_one("SHOW STATUS LIKE 'Ssl_cipher'")->text(1);
}

std::string error_with(const std::string& url) {
    try {
        cipher_with(url);
    } catch (const MysqlError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a database is read through TLS, and not at all where its certificate is not trusted") {
    Certificates trusted;
    trusted.issue("server", "IP:127.0.0.1,DNS:localhost");
    const Certificates stranger;
    LabOptions options;
    options.mariadb_options = {"ssl_cert=" + trusted.path("server.pem"),
                               "ssl_key=" + trusted.path("server.key")};
    const Lab lab(options);
    CHECK(cipher_with(lab.mysql_url()).empty());
    CHECK_FALSE(cipher_with(lab.mysql_url() + "?tls=on").empty());
    CHECK_FALSE(cipher_with(lab.mysql_url() + "?ssl=required").empty());
    CHECK_FALSE(cipher_with(lab.mysql_url() + "?ca=" + trusted.ca()).empty());
    CHECK_FALSE(cipher_with(lab.mysql_url() + "?tls=verify&ca=" + trusted.ca()).empty());
    const std::string refused = error_with(lab.mysql_url() + "?tls=verify&ca=" + stranger.ca());
    INFO(refused);
    CHECK(refused.find("cannot connect to mysql://claimstorm:***@127.0.0.1") == 0);
    CHECK(refused.find("tls=verify") != std::string::npos);
    const std::string in_the_clear = error_with(shared_lab().mysql_url() + "?tls=on");
    INFO(in_the_clear);
    CHECK(in_the_clear.find("the server offers no TLS") != std::string::npos);
    CHECK(error_with(shared_lab().mysql_url() + "?tls=verify").find("check tls and ca") !=
          std::string::npos);

    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{parse_mysql_url(lab.auditor_url() + "?ca=" + trusted.ca())};
    spec.mysql->claims = {{"SELECT 'u1' AS user"}};
    Names users;
    TextPool texts;
    CHECK(EvidenceReader(spec, Campaign{}).take(users, texts).ledger->rows.size() == 1);
}
