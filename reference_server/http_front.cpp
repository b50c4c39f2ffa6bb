// The only file of this program that includes Beast: it is heavy to compile.
#include "reference_server/http_front.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <sys/resource.h>
#include <unistd.h>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::reference {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kReadBytes = 4096;

/// Each connection is a file descriptor; the usual soft limit of 1024 is for programs that select.
void raise_file_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

bool is_loopback(const asio::ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
    }
    return address.is_loopback();
}

void listen(tcp::acceptor& acceptor, const HttpFrontOptions& options) {
    ErrorCode error;
    const auto address = asio::ip::make_address(options.host, error);
    if (error) {
        throw UsageError(fmt::format("--listen: '{}' is no IP address", options.host));
    }
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        throw EnvironmentError(fmt::format("cannot listen on {}:{}: {}; choose another port",
                                           options.host, options.port, error.message()));
    }
}

int status_of(const ErrorCode& error) {
    if (error == http::error::body_limit) return 413;
    if (error == http::error::header_limit) return 431;
    return 400;
}

}  // namespace

/// Everything runs on the thread of `run`, but for `complete` and `stop`. What is posted to the
/// loop points here plainly: it runs inside `run` or, with the loop, not at all.
class HttpFront::Impl : public std::enable_shared_from_this<HttpFront::Impl> {
  public:
    Impl(HttpFrontOptions options, Handler handler);

    std::uint16_t port() const noexcept { return port_; }
    void run();
    void stop();

  private:
    class Session;
    using SessionPtr = std::shared_ptr<Session>;

    void bind();
    void accept();
    void sweep();
    void begin_drain();
    void forget(const SessionPtr& session);
    void complete(SessionPtr session, HttpResponse response);
    void deliver();

    HttpFrontOptions options_;
    Handler handler_;
    asio::io_context io_{1};
    tcp::acceptor acceptor_{io_};
    asio::steady_timer sweeper_{io_};
    asio::steady_timer accept_pause_{io_};
    std::uint16_t port_ = 0;
    std::unordered_set<SessionPtr> sessions_;
    bool stopping_ = false;
    Clock::time_point drain_until_;

    // Answers of the workers. One wake-up of the loop delivers all that came meanwhile.
    std::mutex completed_mutex_;
    std::vector<std::pair<SessionPtr, HttpResponse>> completed_;
};

/// One connection: reads a request, hands it over, writes the answer, and again.
class HttpFront::Impl::Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Impl& front, tcp::socket socket)
        : front_(front), socket_(std::move(socket)), deadline_(Clock::now()) {}

    void start() {
        ErrorCode ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        from_loopback_ = is_loopback(socket_.remote_endpoint(ignored).address());
        deadline_ = Clock::now() + front_.options_.idle_timeout;
        read();
    }

    /// Between two requests, or in the middle of receiving one.
    bool is_waiting() const noexcept { return state_ == State::receiving; }
    bool is_overdue(Clock::time_point now) const noexcept {
        return state_ != State::served && now >= deadline_;
    }

    void close() {
        ErrorCode ignored;
        socket_.close(ignored);
    }

    void send(HttpResponse response);

  private:
    enum class State : std::uint8_t { receiving, served, sending };

    void read();
    void feed();
    void begin_request();
    void dispatch();
    void refuse(const ErrorCode& error);
    void sent();

    Impl& front_;
    tcp::socket socket_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    State state_ = State::receiving;
    bool keep_alive_ = true;
    bool is_http_1_0_ = false;
    bool is_head_ = false;
    bool from_loopback_ = false;
    Clock::time_point deadline_;
    std::string out_;
};

void HttpFront::Impl::Session::read() {
    state_ = State::receiving;
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [self = shared_from_this()](const ErrorCode& error, std::size_t bytes) {
                                if (error || self->front_.stopping_) {
                                    self->close();
                                    self->front_.forget(self);
                                    return;
                                }
                                self->buffer_.commit(bytes);
                                self->feed();
                            });
}

void HttpFront::Impl::Session::begin_request() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(front_.options_.max_header_bytes);
    parser_->body_limit(front_.options_.max_body_bytes);
    deadline_ = Clock::now() + front_.options_.request_timeout;
}

void HttpFront::Impl::Session::feed() {
    if (!parser_) begin_request();
    while (!parser_->is_done()) {
        ErrorCode error;
        const std::size_t used = parser_->put(buffer_.data(), error);
        buffer_.consume(used);
        if (error == http::error::need_more) error = {};
        if (error) return refuse(error);
        if (!parser_->is_done() && (used == 0 || buffer_.size() == 0)) return read();
    }
    dispatch();
}

void HttpFront::Impl::Session::dispatch() {
    auto& message = parser_->get();
    keep_alive_ = message.keep_alive();
    is_http_1_0_ = message.version() < 11;
    is_head_ = message.method() == http::verb::head;
    HttpRequest request{std::string(message.method_string()), std::string(message.target()),
                        std::move(message.body()), from_loopback_};
    parser_.reset();
    state_ = State::served;
    // The front is held too: a worker may answer when everything else is gone.
    front_.handler_(std::move(request),
                    [front = front_.shared_from_this(), self = shared_from_this()](
                        HttpResponse response) { front->complete(self, std::move(response)); });
}

void HttpFront::Impl::Session::refuse(const ErrorCode& error) {
    keep_alive_ = false;
    send({status_of(error), fmt::format(R"({{"error":"bad request: {}"}})", error.message()), {}});
}

void HttpFront::Impl::Session::send(HttpResponse response) {
    if (response.dropped) {
        close();
        front_.forget(shared_from_this());
        return;
    }
    state_ = State::sending;
    deadline_ = Clock::now() + front_.options_.request_timeout;
    if (front_.stopping_) keep_alive_ = false;
    const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
    out_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
                       response.status, std::string_view(reason.data(), reason.size()),
                       response.body.size());
    if (!response.allow.empty()) out_ += fmt::format("Allow: {}\r\n", response.allow);
    if (!keep_alive_) out_ += "Connection: close\r\n";
    if (keep_alive_ && is_http_1_0_) out_ += "Connection: keep-alive\r\n";
    out_ += "\r\n";
    if (!is_head_) out_ += response.body;
    asio::async_write(socket_, asio::buffer(out_),
                      [self = shared_from_this()](const ErrorCode& error, std::size_t) {
                          if (error) self->keep_alive_ = false;
                          self->sent();
                      });
}

void HttpFront::Impl::Session::sent() {
    if (!keep_alive_ || front_.stopping_) {
        ErrorCode ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
        close();
        front_.forget(shared_from_this());
        return;
    }
    deadline_ = Clock::now() + front_.options_.idle_timeout;
    if (buffer_.size() > 0) return feed();
    read();
}

HttpFront::Impl::Impl(HttpFrontOptions options, Handler handler)
    : options_(std::move(options)), handler_(std::move(handler)) {
    raise_file_limit();
    bind();
}

void HttpFront::Impl::bind() {
    if (options_.listener >= 0) {
        const bool ipv6 = asio::ip::make_address(options_.host).is_v6();
        acceptor_.assign(ipv6 ? tcp::v6() : tcp::v4(), ::dup(options_.listener));
    } else {
        listen(acceptor_, options_);
    }
    port_ = acceptor_.local_endpoint().port();
}

void HttpFront::Impl::run() {
    accept();
    sweep();
    io_.run();
    // Whoever did not end in time is cut off; what was posted for it finds nobody.
    for (const SessionPtr& session : sessions_) session->close();
    sessions_.clear();
}

void HttpFront::Impl::stop() {
    asio::post(io_, [this] { begin_drain(); });
}

void HttpFront::Impl::begin_drain() {
    if (stopping_) return;
    stopping_ = true;
    drain_until_ = Clock::now() + options_.drain_timeout;
    ErrorCode ignored;
    acceptor_.close(ignored);
    accept_pause_.cancel();
    // Closing makes their pending reads fail, and that forgets them.
    for (const SessionPtr& session : sessions_) {
        if (session->is_waiting()) session->close();
    }
    if (sessions_.empty()) io_.stop();
}

void HttpFront::Impl::forget(const SessionPtr& session) {
    sessions_.erase(session);
    if (stopping_ && sessions_.empty()) io_.stop();
}

void HttpFront::Impl::accept() {
    acceptor_.async_accept([this](const ErrorCode& error, tcp::socket socket) {
        if (stopping_) return;
        if (error) {
            // Out of descriptors, mostly: at once it would fail again and spin.
            accept_pause_.expires_after(std::chrono::milliseconds(50));
            accept_pause_.async_wait([this](const ErrorCode& cancelled) {
                if (!cancelled && !stopping_) accept();
            });
            return;
        }
        if (sessions_.size() < options_.max_connections) {
            const auto session = std::make_shared<Session>(*this, std::move(socket));
            sessions_.insert(session);
            session->start();
        }
        accept();
    });
}

/// Once a second instead of a timer a connection: a storm has 15,000 of them.
void HttpFront::Impl::sweep() {
    const auto now = Clock::now();
    if (stopping_ && now >= drain_until_) {
        io_.stop();
        return;
    }
    for (const SessionPtr& session : sessions_) {
        if (session->is_overdue(now)) session->close();
    }
    sweeper_.expires_after(std::chrono::seconds(1));
    sweeper_.async_wait([this](const ErrorCode& error) {
        if (!error) sweep();
    });
}

void HttpFront::Impl::complete(SessionPtr session, HttpResponse response) {
    if (io_.get_executor().running_in_this_thread()) {
        session->send(std::move(response));
        return;
    }
    const std::lock_guard lock(completed_mutex_);
    completed_.emplace_back(std::move(session), std::move(response));
    if (completed_.size() == 1) {
        asio::post(io_, [this] { deliver(); });
    }
}

void HttpFront::Impl::deliver() {
    std::vector<std::pair<SessionPtr, HttpResponse>> completed;
    {
        const std::lock_guard lock(completed_mutex_);
        completed.swap(completed_);
    }
    for (auto& [session, response] : completed) session->send(std::move(response));
}

ListeningSocket::ListeningSocket(const HttpFrontOptions& options) {
    asio::io_context io;
    tcp::acceptor acceptor(io);
    listen(acceptor, options);
    descriptor_ = ::dup(acceptor.native_handle());
    if (descriptor_ < 0) throw EnvironmentError("out of file descriptors for the listening socket");
}

ListeningSocket::~ListeningSocket() {
    ::close(descriptor_);
}

HttpFront::HttpFront(HttpFrontOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(handler))) {}

HttpFront::~HttpFront() = default;

std::uint16_t HttpFront::port() const noexcept {
    return impl_->port();
}

void HttpFront::run() {
    impl_->run();
}

void HttpFront::stop() {
    impl_->stop();
}

}  // namespace claimstorm::reference
