#include <array>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "stores/redis.h"

namespace claimstorm {
namespace {

std::string sha1_hex(const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
        throw EnvironmentError("OpenSSL offers no SHA1, which Redis names scripts by");
    }
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

}  // namespace

Script::Script(std::string lua) : lua_(std::move(lua)), sha1_(sha1_hex(lua_)) {}

Reply Script::run(RedisConnection& redis, std::initializer_list<std::string_view> keys,
                  std::initializer_list<std::string_view> arguments) const {
    const std::string key_count = std::to_string(keys.size());
    std::vector<std::string_view> words = {"EVALSHA", sha1_, key_count};
    words.insert(words.end(), keys.begin(), keys.end());
    words.insert(words.end(), arguments.begin(), arguments.end());
    try {
        return redis.command(words);
    } catch (const RedisError& error) {
        // NOSCRIPT means that nothing ran, so to send it again is no repetition.
        if (error.code() != "NOSCRIPT") throw;
    }
    words[0] = "EVAL";
    words[1] = lua_;
    return redis.command(words);
}

}  // namespace claimstorm
