#include "stores/redis.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <sys/time.h>
#include <utility>

#include <fmt/format.h>
#include <hiredis.h>

namespace claimstorm {
namespace {

std::string first_word(std::string_view text) {
    return std::string(text.substr(0, text.find(' ')));
}

timeval to_timeval(std::chrono::milliseconds time) {
    timeval value{};
    value.tv_sec = time.count() / 1000;
    value.tv_usec = (time.count() % 1000) * 1000;
    return value;
}

void ignore_sigpipe() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction current {};
        sigaction(SIGPIPE, nullptr, &current);
        const bool has_handler = (current.sa_flags & SA_SIGINFO) != 0;
        if (!has_handler && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    });
}

Reply::Type type_of(const redisReply& reply) {
    switch (reply.type) {
        case REDIS_REPLY_INTEGER:
            return Reply::Type::integer;
        case REDIS_REPLY_STRING:
            return Reply::Type::string;
        case REDIS_REPLY_STATUS:
            return Reply::Type::status;
        case REDIS_REPLY_ERROR:
            return Reply::Type::error;
        case REDIS_REPLY_ARRAY:
            return Reply::Type::array;
        default:
            return Reply::Type::nil;
    }
}

[[noreturn]] void unexpected(std::string_view wanted, const Reply& reply) {
    constexpr std::string_view kNames[] = {"nil",      "an integer", "a string",
                                           "a status", "an error",   "an array"};
    std::string got(kNames[static_cast<std::size_t>(reply.type())]);
    if (reply.is_error()) got += fmt::format(" ({})", reply.text());
    throw RedisError(RedisError::Kind::unexpected,
                     fmt::format("Redis answered {} where {} is needed", got, wanted));
}

[[noreturn]] void refused(std::string_view answer, std::string_view command) {
    throw RedisError(RedisError::Kind::refused,
                     fmt::format("Redis says: {}, to: {}", answer, command), first_word(answer));
}

}  // namespace

RedisError::RedisError(Kind kind, const std::string& message, std::string code)
    : EnvironmentError(message), kind_(kind), code_(std::move(code)) {}

bool is_connection_lost(const RedisError& error) noexcept {
    return error.kind() == RedisError::Kind::connection_lost;
}

Reply::Reply(const redisReply& reply) : type_(type_of(reply)) {
    if (type_ == Type::integer) {
        integer_ = reply.integer;
    } else if (type_ == Type::array) {
        elements_.reserve(reply.elements);
        for (std::size_t i = 0; i < reply.elements; ++i) elements_.emplace_back(*reply.element[i]);
    } else if (type_ != Type::nil) {
        text_.assign(reply.str, reply.len);
    }
}

std::int64_t Reply::integer() const {
    if (type_ == Type::integer) return integer_;
    if (type_ == Type::string) {
        std::int64_t number = 0;
        const char* end = text_.data() + text_.size();
        const auto [stop, error] = std::from_chars(text_.data(), end, number);
        if (error == std::errc{} && stop == end && !text_.empty()) return number;
    }
    unexpected("an integer", *this);
}

const std::string& Reply::text() const& {
    if (type_ == Type::string || type_ == Type::status || type_ == Type::error) return text_;
    unexpected("a string", *this);
}

std::string Reply::text() && {
    const Reply& self = *this;
    return self.text();
}

const std::vector<Reply>& Reply::elements() const& {
    if (type_ == Type::array) return elements_;
    unexpected("an array", *this);
}

std::vector<Reply> Reply::elements() && {
    const Reply& self = *this;
    return self.elements();
}

void RedisConnection::Closer::operator()(redisContext* context) const noexcept {
    redisFree(context);
}

RedisConnection::RedisConnection(const RedisAddress& address, const RedisOptions& options)
    : where_(to_string(address)) {
    ignore_sigpipe();
    const timeval connect_timeout = to_timeval(options.connect_timeout);
    const timeval io_timeout = to_timeval(options.io_timeout);
    context_.reset(
        address.socket.empty()
            ? redisConnectWithTimeout(address.host.c_str(), address.port, connect_timeout)
            : redisConnectUnixWithTimeout(address.socket.c_str(), connect_timeout));
    const auto refuse = [&](std::string_view why, std::string_view advice) {
        usable_ = false;
        throw RedisError(RedisError::Kind::connection_lost,
                         fmt::format("cannot connect to {}: {}; {}", where_, why, advice));
    };
    if (!context_) refuse("out of memory", "free some");
    if (context_->err != 0) refuse(context_->errstr, "is the server running there?");
    redisSetTimeout(context_.get(), io_timeout);
    try {
        if (!address.password.empty()) {
            if (address.user.empty()) {
                command({"AUTH", address.password});
            } else {
                command({"AUTH", address.user, address.password});
            }
        }
        if (address.database != 0) command({"SELECT", std::to_string(address.database)});
        // A server that wants a password tells so only when it is asked for something.
        if (address.password.empty() && address.database == 0) command({"PING"});
    } catch (const RedisError& error) {
        refuse(error.what(), "check the URL's user, password and database");
    }
}

RedisConnection::~RedisConnection() = default;

void RedisConnection::lose(std::string_view during) {
    usable_ = false;
    const bool timed_out = context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == ETIMEDOUT);
    throw RedisError(RedisError::Kind::connection_lost,
                     fmt::format("the connection to {} is lost during {}: {}", where_, during,
                                 timed_out ? "no answer in time" : context_->errstr));
}

void RedisConnection::append(std::span<const std::string_view> arguments) {
    const std::string_view name = arguments.empty() ? "an empty command" : arguments.front();
    if (!usable_) {
        throw RedisError(RedisError::Kind::connection_lost,
                         fmt::format("the connection to {} was lost before {}", where_, name));
    }
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    for (const std::string_view argument : arguments) {
        texts.push_back(argument.data());
        lengths.push_back(argument.size());
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(texts.size()), texts.data(),
                               lengths.data()) != REDIS_OK) {
        lose(name);
    }
    ++appended_;
}

void RedisConnection::ReplyCloser::operator()(redisReply* reply) const noexcept {
    freeReplyObject(reply);
}

RedisConnection::RawReply RedisConnection::read_raw(std::string_view during) {
    void* raw = nullptr;
    if (redisGetReply(context_.get(), &raw) != REDIS_OK || raw == nullptr) lose(during);
    return RawReply(static_cast<redisReply*>(raw));
}

Reply RedisConnection::command(std::span<const std::string_view> arguments) {
    if (appended_ != 0) throw std::logic_error("a command inside a pipeline: flush it first");
    append(arguments);
    appended_ = 0;
    Reply reply = read_reply(arguments.front());
    if (reply.is_error()) refused(reply.text(), arguments.front());
    return reply;
}

void RedisConnection::send(std::string_view during) {
    for (int done = 0; done == 0;) {
        if (redisBufferWrite(context_.get(), &done) != REDIS_OK) lose(during);
    }
}

void RedisConnection::scan(std::span<const std::string_view> arguments, std::size_t cursor_at,
                           const std::function<void(std::string_view)>& take) {
    if (appended_ != 0) throw std::logic_error("a scan inside a pipeline: flush it first");
    std::vector<std::string_view> words(arguments.begin(), arguments.end());
    std::string cursor = "0";
    const auto ask = [&] {
        words.at(cursor_at) = cursor;
        append(words);
        appended_ = 0;
        send(words.front());
    };
    ask();
    for (bool more = true; more;) {
        const RawReply reply = read_raw(words.front());
        if (reply->type == REDIS_REPLY_ERROR) {
            refused({reply->str, reply->len}, words.front());
        }
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
            reply->element[0]->type != REDIS_REPLY_STRING ||
            reply->element[1]->type != REDIS_REPLY_ARRAY) {
            unexpected("a cursor and elements", Reply(*reply));
        }
        cursor.assign(reply->element[0]->str, reply->element[0]->len);
        more = cursor != "0";
        if (more) ask();
        try {
            const std::span found(reply->element[1]->element, reply->element[1]->elements);
            for (const redisReply* element : found) take({element->str, element->len});
        } catch (...) {
            if (more) read_raw(words.front());
            throw;
        }
    }
}

std::vector<Reply> RedisConnection::flush() {
    std::vector<Reply> replies;
    replies.reserve(appended_);
    for (; appended_ > 0; --appended_) replies.push_back(read_reply("a pipeline"));
    return replies;
}

}  // namespace claimstorm
