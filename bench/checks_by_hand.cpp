#include <chrono>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <mysql.h>

#include "bench/checks_judge.h"
#include "model/error.h"
#include "stores/url.h"

namespace claimstorm::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kMembersFile = "members.csv";

/// Runs steps and notes what each took.
class Steps {
  public:
    explicit Steps(Judgement& judgement) : judgement_(judgement) {}

    template <typename Step>
    void run(const std::string& name, Step&& step) {
        const auto begin = Clock::now();
        step();
        const std::chrono::duration<double> took = Clock::now() - begin;
        judgement_.phases.push_back({name, took.count()});
    }

  private:
    Judgement& judgement_;
};

/// As `mysql --local-infile=1` does: claimstorm's own connections refuse to read local files.
void load_local(const MysqlAddress& address, const std::string& sql) {
    const std::unique_ptr<MYSQL, decltype(&mysql_close)> mysql(mysql_init(nullptr), &mysql_close);
    const unsigned yes = 1;
    mysql_options(mysql.get(), MYSQL_OPT_LOCAL_INFILE, &yes);
    if (mysql_real_connect(mysql.get(), address.host.c_str(), address.user.c_str(),
                           address.password.c_str(), address.database.c_str(), address.port,
                           nullptr, 0) == nullptr ||
        mysql_real_query(mysql.get(), sql.data(), sql.size()) != 0) {
        throw EnvironmentError(mysql_error(mysql.get()));
    }
}

void dump_users(RedisConnection& redis, const Sale& sale, const std::filesystem::path& folder) {
    std::ofstream out(folder / kMembersFile);
    const std::string key = sale.campaign() + ":users";
    std::string cursor = "0";
    do {
        const Reply reply = redis.command({"SSCAN", key, cursor, "COUNT", "10000"});
        cursor = reply.elements().at(0).text();
        for (const Reply& member : reply.elements().at(1).elements()) {
            out << member.text() << '\n';
        }
    } while (cursor != "0");
    if (!out.flush()) throw EnvironmentError("cannot write the members of the user set");
}

}  // namespace

Judgement judge_by_hand(const Case& of) {
    const Sale sale(of.claims);
    MysqlOptions options;
    options.io_timeout = std::chrono::minutes(10);
    const MysqlAddress address = parse_mysql_url(of.mysql_url);
    MysqlConnection mysql(address, options);
    RedisConnection redis(parse_redis_url(of.redis_url));
    Judgement judgement;
    Steps steps(judgement);
    std::int64_t wrong = 0;
    const auto count = [&](const std::string& name, const std::string& sql) {
        steps.run(name, [&] { wrong += mysql.query_one(sql)->int64(0); });
    };
    const auto load = [&](const char* table, const std::string& columns, const char* file) {
        mysql.execute_text(fmt::format("DROP TABLE IF EXISTS {}", table));
        mysql.execute_text(
            fmt::format("CREATE TABLE {} ({}) ENGINE=InnoDB CHARSET=utf8mb4", table, columns));
        load_local(address,
                   fmt::format("LOAD DATA LOCAL INFILE '{}' INTO TABLE {} FIELDS TERMINATED BY ','",
                               (of.folder / file).string(), table));
    };
    steps.run("load the log into a table", [&] {
        load("told",
             "user_id VARBINARY(64) NOT NULL, outcome VARCHAR(20) NOT NULL, claim_id BIGINT NULL",
             kLogFile);
        mysql.execute_text("ALTER TABLE told ADD KEY (user_id)");
    });
    steps.run("load the user set into a table", [&] {
        dump_users(redis, sale, of.folder);
        load("cached", "user_id VARBINARY(64) PRIMARY KEY", kMembersFile);
    });
    const std::string rows = fmt::format("claims WHERE campaign_id = '{}'", sale.campaign());
    count("too many rows", fmt::format("SELECT COUNT(*) > {} FROM {}", sale.claims, rows));
    count("more than one a user",
          fmt::format("SELECT COUNT(*) FROM (SELECT user_id, COUNT(*) FROM {} GROUP BY user_id "
                      "HAVING COUNT(*) > 1) AS twice",
                      rows));
    count("told yes without a row",
          fmt::format("SELECT COUNT(*) FROM told t LEFT JOIN claims c ON c.id = t.claim_id AND "
                      "c.user_id = t.user_id AND c.campaign_id = '{}' "
                      "WHERE t.outcome = 'granted' AND c.id IS NULL",
                      sale.campaign()));
    count("a row without a yes",
          fmt::format("SELECT COUNT(*) FROM claims c LEFT JOIN told t ON t.user_id = c.user_id AND "
                      "t.outcome IN ('granted', 'unknown', 'pending') "
                      "WHERE c.campaign_id = '{}' AND t.user_id IS NULL",
                      sale.campaign()));
    count("a row, not in the set",
          fmt::format("SELECT COUNT(*) FROM claims c LEFT JOIN cached s ON s.user_id = c.user_id "
                      "WHERE c.campaign_id = '{}' AND s.user_id IS NULL",
                      sale.campaign()));
    count("in the set, without a row",
          fmt::format("SELECT COUNT(*) FROM cached s LEFT JOIN claims c ON c.user_id = s.user_id "
                      "AND c.campaign_id = '{}' WHERE c.id IS NULL",
                      sale.campaign()));
    judgement.verdict = wrong == 0 ? "holds" : "violated";
    return judgement;
}

}  // namespace claimstorm::bench
