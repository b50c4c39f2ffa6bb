#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "stores/url.h"

struct redisContext;
struct redisReply;

namespace claimstorm {

/// What Redis or the connection to it refused. One line; as an Error it ends as exit status 3
/// where nobody catches it.
class RedisError : public EnvironmentError {
  public:
    enum class Kind : std::uint8_t {
        refused,          ///< Redis answered with an error; it did not do the command
        connection_lost,  ///< no answer: whether the command took effect is unknown
        unexpected,       ///< an answer of another type than asked for
    };

    RedisError(Kind kind, const std::string& message, std::string code = {});

    Kind kind() const noexcept { return kind_; }
    /// The first word of an error reply: "NOSCRIPT", "WRONGTYPE", "OOM"; else empty.
    const std::string& code() const noexcept { return code_; }

  private:
    Kind kind_;
    std::string code_;
};

/// The connection broke, or an answer did not come in time: whether the command took effect is
/// unknown, and the connection is of no more use.
bool is_connection_lost(const RedisError& error) noexcept;

/// One answer of Redis, owned.
class Reply {
  public:
    enum class Type : std::uint8_t { nil, integer, string, status, error, array };

    explicit Reply(const redisReply& reply);

    Type type() const noexcept { return type_; }
    bool is_nil() const noexcept { return type_ == Type::nil; }
    bool is_error() const noexcept { return type_ == Type::error; }
    /// The number of an integer, or of a string that is one: GET gives numbers as text.
    /// Throws RedisError(unexpected).
    std::int64_t integer() const;
    /// The text of a string, a status or an error, any bytes. Throws RedisError(unexpected).
    const std::string& text() const&;
    std::string text() &&;  // by value: `redis.command(…).text()` must not dangle
    /// The elements of an array, errors and nils among them. Throws RedisError(unexpected).
    const std::vector<Reply>& elements() const&;
    std::vector<Reply> elements() &&;

  private:
    Type type_;
    std::int64_t integer_ = 0;
    std::string text_;
    std::vector<Reply> elements_;
};

struct RedisOptions {
    std::chrono::milliseconds connect_timeout{5000};
    /// For each read and each write. Must be above the time a blocking command may block.
    std::chrono::milliseconds io_timeout{30000};
};

/// One connection to Redis. Never reconnects and never repeats a command by itself.
///
/// Used by one thread at a time. The first connection of a process makes the process ignore
/// SIGPIPE unless it has a handler for it: hiredis 0.14 writes without MSG_NOSIGNAL.
///
/// All members throw RedisError.
class RedisConnection {
  public:
    /// Connects, sends AUTH when there is a password and SELECT when the database is not 0.
    explicit RedisConnection(const RedisAddress& address, const RedisOptions& options = {});
    ~RedisConnection();
    RedisConnection(const RedisConnection&) = delete;
    RedisConnection& operator=(const RedisConnection&) = delete;

    /// Sends one command and waits for its answer; an error answer is thrown. Arguments are any
    /// bytes. Not while appended commands wait for `flush`.
    Reply command(std::span<const std::string_view> arguments);
    Reply command(std::initializer_list<std::string_view> arguments) {
        return command(std::span(arguments.begin(), arguments.size()));
    }

    /// Adds a command to the pipeline; nothing is sent yet.
    void append(std::span<const std::string_view> arguments);
    void append(std::initializer_list<std::string_view> arguments) {
        append(std::span(arguments.begin(), arguments.size()));
    }
    /// Sends what was appended and gives the answers in that order, error answers among them.
    std::vector<Reply> flush();

    /// Goes through with a command of the SCAN family, whose argument number `cursor_at` is the
    /// cursor, from "0" to the end, and calls `take` for each element; one may come twice. While
    /// `take` is at work on one answer, Redis prepares the next: the connection cannot be used
    /// inside it. When it throws, the answer under way is read and dropped.
    void scan(std::span<const std::string_view> arguments, std::size_t cursor_at,
              const std::function<void(std::string_view)>& take);
    void scan(std::initializer_list<std::string_view> arguments, std::size_t cursor_at,
              const std::function<void(std::string_view)>& take) {
        scan(std::span(arguments.begin(), arguments.size()), cursor_at, take);
    }

    /// False once an error has shown that the connection is lost.
    bool is_usable() const noexcept { return usable_; }

  private:
    [[noreturn]] void lose(std::string_view during);
    struct ReplyCloser {
        void operator()(redisReply* reply) const noexcept;
    };
    using RawReply = std::unique_ptr<redisReply, ReplyCloser>;

    RawReply read_raw(std::string_view during);
    Reply read_reply(std::string_view during) { return Reply(*read_raw(during)); }
    void send(std::string_view during);

    struct Closer {
        void operator()(redisContext* context) const noexcept;
    };

    std::unique_ptr<redisContext, Closer> context_;
    std::string where_;
    std::size_t appended_ = 0;
    bool usable_ = true;
};

/// A Lua script, run by its SHA1; a server that does not have it gets the text and keeps it.
/// Immutable: one object serves all threads and connections.
class Script {
  public:
    explicit Script(std::string lua);

    /// Throws RedisError, also for an error the script returns.
    Reply run(RedisConnection& redis, std::initializer_list<std::string_view> keys,
              std::initializer_list<std::string_view> arguments) const;

    const std::string& sha1() const noexcept { return sha1_; }

  private:
    std::string lua_;
    std::string sha1_;  // 40 hex digits
};

}  // namespace claimstorm
