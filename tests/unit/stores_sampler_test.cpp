#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "stores/sampler.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace std::chrono_literals;

namespace {

/// A table and a queue of their own in the lab.
struct Shop {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    RedisConnection redis{parse_redis_url(shared_lab().redis_url())};
    EvidenceSpec spec;

    Shop() {
        clear();
        mysql.execute_text("CREATE TABLE sampled (uid VARCHAR(20))");
        mysql.execute_text("INSERT INTO sampled VALUES ('u1'), ('u2')");
        redis.command({"RPUSH", "sampled:q", "a", "b", "c"});
        redis.command({"SET", "sampled:left", "7"});
        spec.mysql = MysqlEvidenceSpec{parse_mysql_url(shared_lab().mysql_url()),
                                       {{"SELECT uid AS user FROM sampled"}}};
        spec.redis = RedisEvidenceSpec{parse_redis_url(shared_lab().redis_url()),
                                       {{{"GET", "sampled:left"}}},
                                       {},
                                       {},
                                       {{{"LLEN", "sampled:q"}}}};
    }
    ~Shop() { clear(); }
    Shop(const Shop&) = delete;
    Shop& operator=(const Shop&) = delete;

    void clear() {
        mysql.execute_text("DROP TABLE IF EXISTS sampled");
        redis.command({"DEL", "sampled:q", "sampled:work", "sampled:left"});
    }
};

/// Takes samples from the sampler's thread.
class Taken {
  public:
    Sampler::OnSample taker() {
        return [this](const StoreSample& sample) {
            const std::lock_guard lock(mutex_);
            samples_.push_back(sample);
            changed_.notify_all();
        };
    }
    bool wait_for(std::size_t number) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 20s, [&] { return samples_.size() >= number; });
    }
    std::vector<StoreSample> all() {
        const std::lock_guard lock(mutex_);
        return samples_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<StoreSample> samples_;
};

}  // namespace

TEST_CASE("a sampler reads a fifth of the time at most, and less often while it fails") {
    CHECK(sample_interval(100ms, 0ms, 0) == 100ms);
    CHECK(sample_interval(100ms, 20ms, 0) == 100ms);
    CHECK(sample_interval(100ms, 21ms, 0) == 105ms);
    CHECK(sample_interval(100ms, 1s, 0) == 5s);
    CHECK(sample_interval(100ms, 1ms, 1) == 200ms);
    CHECK(sample_interval(100ms, 1ms, 4) == 1600ms);
    CHECK(sample_interval(100ms, 1ms, 5) == 2s);
    CHECK(sample_interval(100ms, 1ms, 4'000'000'000) == 2s);
    CHECK(sample_interval(100ms, 1s, 5) == 5s);
    CHECK(sample_interval(10s, 1ms, 3) == 10s);
}

TEST_CASE("samples begin at the release, come in order, and one more is taken at the end") {
    Shop shop;
    Taken taken;
    Sampler sampler(shop.spec, Campaign{}, 1ms, taken.taker());
    CHECK(taken.all().empty());
    const auto release = Sampler::Clock::now() + 3ms;
    sampler.begin(release);
    REQUIRE(taken.wait_for(3));
    shop.mysql.execute_text("INSERT INTO sampled VALUES ('u3')");
    shop.redis.command({"LPOP", "sampled:q"});
    sampler.finish();
    const auto ended = (Sampler::Clock::now() - release).count();
    const std::vector<StoreSample> samples = taken.all();
    REQUIRE(samples.size() >= 4);
    for (std::size_t i = 0; i < samples.size(); ++i) {
        INFO(i);
        const StoreSample& sample = samples[i];
        CHECK(sample.begun_ns <= sample.ended_ns);
        CHECK(sample.begun_ns > -3'000'000);
        CHECK(sample.ended_ns <= ended);
        if (i > 0) CHECK(samples[i - 1].ended_ns <= sample.begun_ns);
        CHECK(*sample.cache_remaining == 7);
        CHECK(sample.backlog_at_once);
    }
    CHECK(*samples.front().rows == 2);
    CHECK(*samples.front().backlog_before == 3);
    CHECK(*samples.back().rows == 3);
    CHECK(*samples.back().backlog_before == 2);
    CHECK(*samples.back().backlog_after == 2);
}

TEST_CASE("what the target does not name is left out of a sample") {
    Shop shop;
    shop.spec.redis.reset();
    Taken taken;
    Sampler sampler(shop.spec, Campaign{}, 1h, taken.taker());
    sampler.begin(Sampler::Clock::now());
    REQUIRE(taken.wait_for(1));
    sampler.finish();
    REQUIRE(taken.all().size() == 2);
    const StoreSample sample = taken.all().back();
    CHECK(*sample.rows == 2);
    CHECK_FALSE(sample.backlog_before.is_named());
    CHECK_FALSE(sample.backlog_after.is_named());
    CHECK_FALSE(sample.cache_remaining.is_named());
}

TEST_CASE("what fails is kept as why, and the next sample tries again") {
    Shop shop;
    shop.mysql.execute_text("RENAME TABLE sampled TO sampled_away");
    shop.redis.command({"DEL", "sampled:left"});
    shop.redis.command({"DEL", "sampled:q"});
    shop.redis.command({"SET", "sampled:q", "no list"});
    Taken taken;
    Sampler sampler(shop.spec, Campaign{}, 1ms, taken.taker());
    sampler.begin(Sampler::Clock::now());
    REQUIRE(taken.wait_for(2));
    shop.mysql.execute_text("RENAME TABLE sampled_away TO sampled");
    sampler.finish();
    const StoreSample first = taken.all().front();
    CHECK_THAT(first.rows.why(), Catch::Contains("doesn't exist"));
    CHECK_THAT(first.backlog_before.why(), Catch::Contains("redis.backlog: Redis says: WRONGTYPE"));
    CHECK(first.cache_remaining.is_absent());
    CHECK(*taken.all().back().rows == 2);
}

TEST_CASE("a backlog of several lists is read at once, and told where it cannot be") {
    Shop shop;
    shop.redis.command({"RPUSH", "sampled:work", "d"});
    shop.spec.redis->backlog.push_back({{"LLEN", "sampled:work"}});
    const auto last = [&] {
        Taken taken;
        Sampler sampler(shop.spec, Campaign{}, 1h, taken.taker());
        sampler.begin(Sampler::Clock::now());
        sampler.finish();
        REQUIRE(!taken.all().empty());
        return taken.all().back();
    };
    CHECK(*last().backlog_before == 4);
    CHECK(last().backlog_at_once);
    shop.redis.command(
        {"ACL", "SETUSER", "sampling", "on", ">pw", "~*", "+@read", "+auth", "+ping", "+select"});
    RedisAddress& address = *shop.spec.redis->address;
    address.user = "sampling";
    address.password = "pw";
    CHECK(*last().backlog_before == 4);
    CHECK_FALSE(last().backlog_at_once);
    shop.spec.redis->backlog.back().at = parse_redis_url(shared_lab().redis_url());
    CHECK(*last().backlog_before == 4);
    CHECK_FALSE(last().backlog_at_once);
    shop.redis.command({"ACL", "DELUSER", "sampling"});
    shop.spec.redis->backlog = {
        {{"GET", "sampled:left"}, parse_redis_url(shared_lab().redis_url())}};
    shop.redis.command({"SET", "sampled:left", "-3"});
    CHECK_THAT(last().backlog_before.why(), Catch::Contains("no backlog is below zero"));
}

TEST_CASE("claims in several tables are counted in one snapshot") {
    Shop shop;
    shop.spec.mysql->claims.push_back({"SELECT uid AS user FROM sampled WHERE uid = 'u1'"});
    EvidenceReader reader(shop.spec, Campaign{});
    CHECK(*reader.count_claims() == 3);
    CHECK(*reader.count_claims() == 3);
    shop.spec.mysql->claims.push_back({"SELECT uid AS user FROM nowhere"});
    EvidenceReader broken(shop.spec, Campaign{});
    CHECK_THAT(broken.count_claims().why(), Catch::Contains("mysql.claims[2]"));
}

TEST_CASE("a sampler that was never begun, or is not to finish, ends without a sample more") {
    Shop shop;
    Taken taken;
    { const Sampler sampler(shop.spec, Campaign{}, 1ms, taken.taker()); }
    {
        Sampler sampler(shop.spec, Campaign{}, 1ms, taken.taker());
        sampler.finish();
        sampler.begin(Sampler::Clock::now());
    }
    CHECK(taken.all().empty());
    {
        Sampler sampler(shop.spec, Campaign{}, 1h, taken.taker());
        sampler.begin(Sampler::Clock::now());
        REQUIRE(taken.wait_for(1));
    }
    CHECK(taken.all().size() == 1);
}

TEST_CASE("what the taker of samples throws ends the sampler, and is told at the end") {
    Shop shop;
    std::atomic<int> calls{0};
    Sampler sampler(shop.spec, Campaign{}, 1ms, [&calls](const StoreSample&) {
        ++calls;
        throw EnvironmentError("the disk is full");
    });
    sampler.begin(Sampler::Clock::now());
    CHECK_THROWS_WITH(sampler.finish(), "the disk is full");
    CHECK(calls == 1);
}

TEST_CASE("a connection that may only read is refused what would write") {
    Shop shop;
    MysqlOptions options;
    options.read_only = true;
    MysqlConnection reader(parse_mysql_url(shared_lab().mysql_url()), options);
    CHECK(reader.query_one("SELECT COUNT(*) FROM sampled")->int64(0) == 2);
    CHECK_THROWS_WITH(reader.execute("DELETE FROM sampled"), Catch::Contains("READ ONLY"));
}
