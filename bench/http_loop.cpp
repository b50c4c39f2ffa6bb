#include "bench/http_loop.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::bench {
namespace {

constexpr int kBacklog = 4096;
constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
constexpr std::size_t kRequestBytesMax = std::size_t{1} << 20;
constexpr StampNs kRoundNsMax = 100'000'000;
/// A wake-up that is nearer than this is waited for awake: epoll_wait counts in milliseconds.
constexpr StampNs kAwakeNs = 2'000'000;

StampNs nanoseconds(const timespec& time) {
    return StampNs{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

StampNs stamp_now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(now);
}

void ask_for_stamps(int socket) noexcept {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes);
}

Received receive_stamped(int socket, char* buffer, std::size_t size) noexcept {
    iovec into{buffer, size};
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    Received received;
    received.size = ::recvmsg(socket, &message, MSG_DONTWAIT);
    if (received.size <= 0) return received;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            timespec stamp{};
            std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
            received.at = nanoseconds(stamp);
        }
    }
    if (received.at == 0) received.at = stamp_now();
    return received;
}

UniqueFd listen_on_loopback(std::uint16_t& port) {
    UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (!listener || ::bind(listener.get(), generic, size) != 0 ||
        ::listen(listener.get(), kBacklog) != 0 ||
        ::getsockname(listener.get(), generic, &size) != 0) {
        throw EnvironmentError(fmt::format("cannot listen on 127.0.0.1: {}", errno_text(errno)));
    }
    port = ntohs(address.sin_port);
    return listener;
}

std::optional<std::size_t> request_length(std::string_view bytes) {
    const std::size_t head = bytes.find("\r\n\r\n");
    if (head == std::string_view::npos) {
        return bytes.size() > kRequestBytesMax ? std::nullopt : std::optional<std::size_t>(0);
    }
    constexpr std::string_view kName = "\r\ncontent-length:";
    std::size_t body = 0;
    for (std::size_t at = bytes.find("\r\n"); at < head; at = bytes.find("\r\n", at + 2)) {
        if (head - at < kName.size() ||
            ::strncasecmp(bytes.data() + at, kName.data(), kName.size()) != 0) {
            continue;
        }
        const char* digits = bytes.data() + at + kName.size();
        while (*digits == ' ') ++digits;
        const auto [end, error] = std::from_chars(digits, bytes.data() + head, body);
        if (error != std::errc{} || body > kRequestBytesMax) return std::nullopt;
    }
    const std::size_t length = head + 4 + body;
    return bytes.size() < length ? 0 : length;
}

StampNs RequestHandler::on_round(HttpLoop& /*loop*/, StampNs now) {
    return now + kRoundNsMax;
}

HttpLoop::HttpLoop(RequestHandler& handler, bool stamped)
    : handler_(handler),
      stamped_(stamped),
      listener_(listen_on_loopback(port_)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!epoll_ || !wake_) throw EnvironmentError("no descriptors left for a receiver");
    // What it accepts inherits this; and packets that come before their accept have stamps, too.
    if (stamped_) ask_for_stamps(listener_.get());
    for (const int fd : {listener_.get(), wake_.get()}) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    thread_ = std::thread([this] { serve(); });
}

HttpLoop::~HttpLoop() {
    stop_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
    thread_.join();
}

std::string HttpLoop::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

double HttpLoop::cpu_s() const {
    clockid_t clock{};
    timespec used{};
    if (::pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return 0;
    ::clock_gettime(clock, &used);
    return static_cast<double>(nanoseconds(used)) / 1e9;
}

void HttpLoop::serve() {
    std::array<epoll_event, 256> events{};
    while (!stop_) {
        const StampNs now = stamp_now();
        const StampNs due = handler_.on_round(*this, now) - now;
        const int wait_ms =
            due < kAwakeNs ? 0 : static_cast<int>(std::min(due, kRoundNsMax) / 1'000'000);
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms);
        for (int i = 0; i < count; ++i) {
            const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
            if (fd == listener_.get()) {
                accept_all();
            } else if (fd != wake_.get()) {
                read_from(fd);
            }
        }
    }
}

void HttpLoop::accept_all() {
    for (;;) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) return;
        const int fd = socket.get();
        const int yes = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (clients_.size() <= static_cast<std::size_t>(fd)) {
            clients_.resize(static_cast<std::size_t>(fd) + 1024);
        }
        auto client = std::make_unique<Client>();
        client->socket = std::move(socket);
        client->serial = ++serials_;
        clients_[static_cast<std::size_t>(fd)] = std::move(client);
        ++open_;
        epoll_event event{};
        event.events = EPOLLIN | EPOLLRDHUP;
        event.data.fd = fd;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
}

void HttpLoop::drop(int socket) noexcept {
    auto& client = clients_[static_cast<std::size_t>(socket)];
    if (!client) return;
    client.reset();
    --open_;
}

void HttpLoop::read_from(int socket) {
    Client* client = clients_[static_cast<std::size_t>(socket)].get();
    if (client == nullptr) return;
    std::array<char, kReadBytes> buffer;  // NOLINT: not filled, as recv does that
    Received received;
    if (stamped_) {
        received = receive_stamped(socket, buffer.data(), buffer.size());
    } else {
        received.size = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    }
    if (received.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received.size <= 0) return drop(socket);
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(received.size));
    if (client->unread.empty()) return take_requests(*client, bytes, received.at);
    const std::string whole = client->unread.append(bytes);
    client->unread.clear();
    take_requests(*client, whole, received.at);
}

void HttpLoop::take_requests(Client& client, std::string_view bytes, StampNs at) {
    const ClientId id{client.socket.get(), client.serial};
    while (!bytes.empty()) {
        const auto length = request_length(bytes);
        if (!length) return drop(id.socket);
        if (*length == 0) {
            client.unread.assign(bytes);
            return;
        }
        bytes.remove_prefix(*length);
        handler_.on_request(*this, id, at);
        if (!clients_[static_cast<std::size_t>(id.socket)]) return;  // dropped by its own answer
    }
}

void HttpLoop::answer(ClientId id, std::string_view bytes) noexcept {
    const Client* client = clients_[static_cast<std::size_t>(id.socket)].get();
    if (client == nullptr || client->serial != id.serial) return;
    const ssize_t sent = ::send(id.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(bytes.size())) drop(id.socket);
}

}  // namespace claimstorm::bench
