#include "storm/curl_transport.h"

#include <cerrno>
#include <netdb.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

/// "shop.test:443:127.0.0.1": libcurl goes where find_route went, and asks nobody else.
std::string resolved_entry(const Route& route) {
    char numeric[NI_MAXHOST] = {};
    if (route.target.to.size == 0 || route.target.to.family() == AF_UNIX ||
        ::getnameinfo(route.target.to.get(), route.target.to.size, numeric, sizeof numeric, nullptr,
                      0, NI_NUMERICHOST) != 0 ||
        route.address.host == numeric) {
        return {};
    }
    const bool is_six = route.target.to.family() == AF_INET6;
    return fmt::format("{}:{}:{}{}{}", route.address.host, route.address.port, is_six ? "[" : "",
                       numeric, is_six ? "]" : "");
}

}  // namespace

CurlTransport::CurlTransport(const Route& route, EventLoop& loop, std::size_t first_connection)
    : route_(route),
      loop_(loop),
      next_(first_connection),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      multi_(curl_multi_init()) {
    if (timer_ < 0 || multi_ == nullptr) {
        throw EnvironmentError("the system refuses a timer for libcurl: too many open files?");
    }
    loop_.watch(timer_, EPOLLIN, *this);
    if (const std::string entry = resolved_entry(route); !entry.empty()) resolved_.add(entry);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    // A connection is one exchange's at a time, over HTTP/2, too.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlTransport::~CurlTransport() {
    curl_multi_cleanup(multi_);
    loop_.forget(timer_);
    ::close(timer_);
}

std::unique_ptr<Connection> CurlTransport::make_connection(ExchangeListener& listener) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, ++connections_);
    const auto& sources = route_.source_names;
    const std::string source = sources.empty() ? std::string() : sources[next_ % sources.size()];
    ++next_;
    return std::make_unique<CurlConnection>(*this, source, listener);
}

bool CurlTransport::add(CURL* handle) {
    return curl_multi_add_handle(multi_, handle) == CURLM_OK;
}

void CurlTransport::remove(CURL* handle) noexcept {
    curl_multi_remove_handle(multi_, handle);
}

// ---- between libcurl and the loop ---------------------------------------------------------------

int CurlTransport::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto& transport = *static_cast<CurlTransport*>(self);
    std::uint32_t events = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
    transport.watch(fd, events);
    return 0;
}

void CurlTransport::watch(curl_socket_t fd, std::uint32_t events) {
    const auto index = static_cast<std::size_t>(fd);
    if (sockets_.size() <= index) sockets_.resize(index + 1);
    if (!sockets_[index]) sockets_[index] = std::make_unique<Socket>(*this, fd);
    Socket& socket = *sockets_[index];
    if (socket.watched == events) return;
    if (events == 0) {
        loop_.forget(fd);
    } else if (socket.watched == 0) {
        loop_.watch(fd, events, socket);
    } else {
        loop_.change(fd, events);
    }
    socket.watched = events;
}

int CurlTransport::on_timer(CURLM*, long timeout_ms, void* self) {
    auto& transport = *static_cast<CurlTransport*>(self);
    if (timeout_ms == 0) {
        if (!transport.is_later_) transport.loop_.later(transport);
        transport.is_later_ = true;
        return 0;
    }
    itimerspec when{};  // all zero: no timer any more
    if (timeout_ms > 0) {
        when.it_value.tv_sec = timeout_ms / 1000;
        when.it_value.tv_nsec = timeout_ms % 1000 * 1'000'000;
    }
    ::timerfd_settime(transport.timer_, 0, &when, nullptr);
    return 0;
}

void CurlTransport::on_ready(std::uint32_t events) {
    if (events == 0) {
        is_later_ = false;
    } else {
        std::uint64_t expirations = 0;
        if (::read(timer_, &expirations, sizeof expirations) < 0) return;
    }
    act(CURL_SOCKET_TIMEOUT, 0);
}

void CurlTransport::Socket::on_ready(std::uint32_t events) {
    int what = 0;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0) what |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0) what |= CURL_CSELECT_ERR;
    transport.act(fd, what);
}

void CurlTransport::act(curl_socket_t fd, int what) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, what, &running);
    int more = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &more)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        char* owner = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        // What is told may begin the next exchange at once, with this handle or another.
        reinterpret_cast<CurlConnection*>(owner)->on_done(code);
    }
}

}  // namespace claimstorm
