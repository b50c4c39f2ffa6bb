#include <string>

#include <catch2/catch.hpp>

#include "reference_server/redis_lock.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::reference;

namespace {

constexpr const char* kKey = "test:lock";

StoreAddresses lab_stores() {
    StoreAddresses stores;
    stores.mysql = parse_mysql_url(shared_lab().mysql_url());
    stores.redis = parse_redis_url(shared_lab().redis_url());
    return stores;
}

/// A context, and the key as free as each test needs it.
struct Holder : Context {
    explicit Holder(const StoreAddresses& stores = lab_stores()) : Context(stores, nullptr) {}
    RedisLock lock() { return {*this, kKey, std::chrono::seconds(60)}; }
    void clear() { redis().command({"DEL", kKey}); }
    bool is_locked() { return redis().command({"EXISTS", kKey}).integer() == 1; }
};

}  // namespace

TEST_CASE("a lock is held by one, expires by itself, and is free once released") {
    Holder one;
    Holder other;
    one.clear();
    RedisLock held = one.lock();
    RedisLock wanted = other.lock();
    CHECK(held.try_acquire());
    CHECK_FALSE(wanted.try_acquire());
    const auto ttl_ms = one.redis().command({"PTTL", kKey}).integer();
    CHECK(ttl_ms > 0);
    CHECK(ttl_ms <= 60'000);
    CHECK(held.release());
    CHECK(wanted.try_acquire());
}

TEST_CASE("who has lost the lock to another does not release the other's") {
    Holder one;
    Holder other;
    one.clear();
    {
        RedisLock expired = one.lock();
        CHECK(expired.try_acquire());
        one.clear();  // as its TTL would
        RedisLock held = other.lock();
        CHECK(held.try_acquire());
        CHECK_FALSE(expired.release());
        CHECK(one.is_locked());
        CHECK(expired.release() == false);
    }
    CHECK_FALSE(one.is_locked());
}

TEST_CASE("a lock that goes out of scope is released, one that was never held is left alone") {
    Holder one;
    Holder other;
    one.clear();
    {
        RedisLock held = one.lock();
        CHECK(held.try_acquire());
        RedisLock refused = other.lock();
        CHECK_FALSE(refused.try_acquire());
    }
    CHECK_FALSE(one.is_locked());
}

TEST_CASE("a lock whose acquisition was never answered is released all the same") {
    const StoreAddresses stores = lab_stores();
    DroppingProxy proxy(stores.redis.port);
    StoreAddresses through = stores;
    through.redis.port = proxy.port();
    Holder one(through);
    one.clear();
    {
        RedisLock lock = one.lock();
        proxy.arm("NX", DroppingProxy::When::after_effect);
        CHECK_THROWS_AS(lock.try_acquire(), RedisError);
        CHECK(one.is_locked());
    }
    CHECK_FALSE(one.is_locked());
}

TEST_CASE("no two tokens are the same, of one holder or of two") {
    Holder one;
    Holder other;
    CHECK(one.unique_token() != one.unique_token());
    CHECK(one.unique_token() != other.unique_token());
    CHECK(one.unique_token().size() > 32);
}
