#include "bench/checks_stores.h"

#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include "model/error.h"
#include "storm/history_file.h"

namespace claimstorm::bench {
namespace {

constexpr std::int64_t kMicrosecond = 1000;

Attempt answered(std::int64_t user, Outcome outcome, int status, TimeNs due, std::int64_t k) {
    Attempt attempt;
    attempt.user = static_cast<UserId>(user);
    attempt.outcome = outcome;
    attempt.http_status = static_cast<std::uint16_t>(status);
    attempt.due_ns = due;
    attempt.sent_ns = due + (20 + k * 37 % 50) * kMicrosecond + k % 1000;
    attempt.first_byte_ns = attempt.sent_ns + (1000 + k * 7919 % 20'000) * kMicrosecond + k % 997;
    attempt.done_ns = attempt.first_byte_ns + 30 * kMicrosecond + k % 991;
    return attempt;
}

/// The answers, to both files.
class Answers {
  public:
    Answers(const std::filesystem::path& folder, const HistoryHeader& header)
        : writer_(folder / kHistoryFile, header), lane_(writer_), log_(folder / kLogFile) {}

    void add(const Attempt& attempt, std::string_view claim_id) {
        lane_.append(attempt, claim_id);
        log_ << 'u' << attempt.user + std::uint64_t{1} << ',' << to_string(attempt.outcome) << ','
             << (claim_id.empty() ? "\\N" : claim_id) << '\n';
    }
    void close() {
        lane_.flush();
        writer_.close();
        if (!log_.flush()) throw EnvironmentError("cannot write the log of the answers");
    }

  private:
    HistoryWriter writer_;
    HistoryWriter::Lane lane_;
    std::ofstream log_;
};

}  // namespace

Sale::Sale(std::int64_t of, bool in_order) : claims(of), stride(in_order ? 1 : 7'368'787) {
    while (std::gcd(stride, claims) != 1) ++stride;
}

void fill_mysql(MysqlConnection& mysql, const Sale& sale) {
    for (const char* table : {"claims", "campaigns"}) {
        mysql.execute_text(fmt::format("DROP TABLE IF EXISTS {}", table));
    }
    mysql.execute_text(
        "CREATE TABLE campaigns (id VARCHAR(64) COLLATE utf8mb4_bin PRIMARY KEY,"
        " stock BIGINT NOT NULL, remaining BIGINT NOT NULL, sold_out TINYINT(1) NOT NULL)"
        " ENGINE=InnoDB CHARSET=utf8mb4");
    mysql.execute_text(
        "CREATE TABLE claims (id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL, user_id VARBINARY(64) NOT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))"
        " ENGINE=InnoDB CHARSET=utf8mb4");
    mysql.execute("INSERT INTO campaigns VALUES (?, ?, 0, 1)", {sale.campaign(), sale.claims});
    constexpr std::int64_t kBatch = 500'000;
    for (std::int64_t from = 0; from < sale.claims; from += kBatch) {
        const std::int64_t to = std::min(from + kBatch, sale.claims);
        mysql.execute_text(
            fmt::format("INSERT INTO claims (id, campaign_id, user_id)"
                        " SELECT seq, '{}', CONCAT('u', (seq - 1) * {} % {} + 1) FROM seq_{}_to_{}",
                        sale.campaign(), sale.stride, sale.claims, from + 1, to));
    }
    // As in the reference server's table; faster made at the end.
    mysql.execute_text("ALTER TABLE claims ADD KEY campaign_user (campaign_id, user_id)");
}

void fill_redis(RedisConnection& redis, const Sale& sale) {
    redis.command({"FLUSHALL"});
    const std::string key = sale.campaign() + ":users";
    constexpr std::int64_t kMembers = 1000;
    constexpr int kPipelined = 50;
    int pipelined = 0;
    for (std::int64_t from = 0; from < sale.claims; from += kMembers) {
        const std::int64_t to = std::min(from + kMembers, sale.claims);
        std::vector<std::string> members;
        for (std::int64_t k = from; k < to; ++k) {
            members.push_back("u" + std::to_string(sale.winner(k) + 1));
        }
        std::vector<std::string_view> words = {"SADD", key};
        words.insert(words.end(), members.begin(), members.end());
        redis.append(words);
        if (++pipelined % kPipelined == 0) redis.flush();
    }
    redis.append({"SET", sale.campaign() + ":remaining", "0"});
    redis.flush();
}

void write_answers(const std::filesystem::path& folder, const Sale& sale) {
    HistoryHeader header;
    header.scenario = "bench-checks";
    header.user_template = "u{n}";
    header.users = static_cast<std::uint32_t>(sale.users());
    Answers answers(folder, header);
    constexpr std::int64_t kApart = 10 * kMicrosecond;  // 100,000 a second
    for (std::int64_t k = 0; k < sale.claims; ++k) {
        Attempt attempt = answered(sale.winner(k), Outcome::granted, 200, k * kApart, k);
        answers.add(attempt, std::to_string(k + 1));
        if (k % 10 != 0) continue;
        attempt = answered(sale.winner(k), Outcome::already_claimed, 409,
                           k * kApart + 5000 * kMicrosecond, k + 1);
        attempt.number = 2;
        answers.add(attempt, "");
    }
    const TimeNs over = sale.claims * kApart + 1'000'000 * kMicrosecond;
    for (std::int64_t k = 0; k < sale.claims / 10; ++k) {
        answers.add(answered(sale.claims + k, Outcome::sold_out, 410, over + k * kApart, k), "");
    }
    answers.close();
}

}  // namespace claimstorm::bench
