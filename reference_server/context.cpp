#include "reference_server/context.h"

#include <utility>

#include <fmt/format.h>

namespace claimstorm::reference {
namespace {

std::uint64_t random_bits() {
    std::random_device device;
    return (std::uint64_t{device()} << 32U) | device();
}

}  // namespace

Context::Context(StoreAddresses addresses, const StepHook* hook)
    : addresses_(std::move(addresses)),
      hook_(hook != nullptr && *hook ? hook : nullptr),
      random_(random_bits()),
      token_prefix_(fmt::format("{:016x}{:016x}", random_bits(), random_bits())) {
    mysql();
    redis();
}

MysqlConnection& Context::mysql() {
    if (mysql_ && mysql_->is_usable()) return *mysql_;
    mysql_.reset();
    MysqlOptions options;
    options.connect_timeout = addresses_.connect_timeout;
    options.io_timeout = addresses_.io_timeout;
    mysql_.emplace(addresses_.mysql, options);
    mysql_->execute_text(fmt::format("SET SESSION innodb_lock_wait_timeout = {}",
                                     addresses_.lock_wait_timeout.count()));
    return *mysql_;
}

RedisConnection& Context::redis() {
    if (redis_ && redis_->is_usable()) return *redis_;
    redis_.reset();
    RedisOptions options;
    options.connect_timeout = addresses_.connect_timeout;
    options.io_timeout = addresses_.io_timeout;
    redis_.emplace(addresses_.redis, options);
    return *redis_;
}

std::string Context::unique_token() {
    return fmt::format("{}-{}", token_prefix_, ++tokens_given_);
}

}  // namespace claimstorm::reference
