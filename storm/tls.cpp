#include "storm/tls.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <sys/socket.h>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "model/error.h"

namespace claimstorm {
namespace {

// ---- a socket for OpenSSL that raises no SIGPIPE, as its own does -------------------------------

int socket_of(BIO* bio) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_passing(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int bio_write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t put = ::send(socket_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (put < 0 && is_passing(errno)) BIO_set_retry_write(bio);
    return static_cast<int>(put);
}

int bio_read(BIO* bio, char* into, int room) {
    BIO_clear_retry_flags(bio);
    const ssize_t got = ::recv(socket_of(bio), into, static_cast<std::size_t>(room), 0);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (got < 0 && is_passing(errno)) BIO_set_retry_read(bio);
    return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO* make_bio(int socket) {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    BIO* bio = BIO_new(method);
    if (bio == nullptr) throw std::bad_alloc();
    // A BIO keeps a pointer, and this one is a number: there is nothing to optimize.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
    BIO_set_init(bio, 1);
    return bio;
}

// -------------------------------------------------------------------------------------------------

/// Why the last call failed, in OpenSSL's words; the queue of errors is empty then.
std::string take_reason() {
    const unsigned long code = ERR_peek_error();  // the first cause
    ERR_clear_error();
    if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "no reason is given";
}

[[noreturn]] void refuse_file(const char* key, const std::string& path) {
    throw UsageError(fmt::format("tls.{}: '{}' cannot be used: {}; a PEM file is wanted", key, path,
                                 take_reason()));
}

/// A key with a pass phrase is refused: nobody is there to be asked for it.
int no_pass_phrase(char*, int, int, void*) {
    return 0;
}

bool is_ip_address(const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

}  // namespace

void TlsClient::Free::operator()(SSL_CTX* context) const noexcept {
    SSL_CTX_free(context);
}

TlsClient::TlsClient(const TlsSpec& spec, std::string host, std::string_view protocol)
    : context_(SSL_CTX_new(TLS_client_method())),
      host_(std::move(host)),
      is_address_(is_ip_address(host_)),
      verify_(spec.verify),
      needs_protocol_(protocol == "h2") {
    if (!context_) throw std::bad_alloc();
    SSL_CTX* context = context_.get();
    // An idle connection keeps no buffers (34 KB), a reply is read with one call, and what could
    // not be written may be offered again from another place.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    protocol_.push_back(static_cast<char>(protocol.size()));
    protocol_.append(protocol);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(protocol_.data()),
                            static_cast<unsigned>(protocol_.size()));
    trust(spec);
    identify(spec);
}

void TlsClient::trust(const TlsSpec& spec) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_verify(context, verify_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (!spec.ca.empty()) {
        if (SSL_CTX_load_verify_locations(context, spec.ca.c_str(), nullptr) != 1) {
            refuse_file("ca", spec.ca);
        }
    } else if (verify_) {
        SSL_CTX_set_default_verify_paths(context);
    }
    ERR_clear_error();
}

void TlsClient::identify(const TlsSpec& spec) {
    if (spec.certificate.empty()) return;
    SSL_CTX* context = context_.get();
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    if (SSL_CTX_use_certificate_chain_file(context, spec.certificate.c_str()) != 1) {
        refuse_file("certificate", spec.certificate);
    }
    const std::string& key = spec.key.empty() ? spec.certificate : spec.key;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        refuse_file("key", key);
    }
}

TlsSession::TlsSession(const TlsClient& client, int socket)
    : client_(client), ssl_(SSL_new(client.context_.get())) {
    if (ssl_ == nullptr) throw std::bad_alloc();
    BIO* bio = make_bio(socket);
    SSL_set_bio(ssl_, bio, bio);
    if (client.is_address_) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), client.host_.c_str());
    } else {
        SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(client.host_.c_str()));
        SSL_set1_host(ssl_, client.host_.c_str());
    }
    SSL_set_connect_state(ssl_);
}

TlsSession::~TlsSession() {
    // The other end is told that nothing was cut off; its own farewell is not waited for.
    if (established_ && !broken_) SSL_shutdown(ssl_);
    ERR_clear_error();
    SSL_free(ssl_);
}

TlsSession::Progress TlsSession::handshake() {
    errno = 0;
    const int returned = SSL_do_handshake(ssl_);
    if (returned == 1) return check_protocol();
    const Progress progress = progress_of(returned);
    if (progress != Progress::closed) return progress;
    broken_ = true;
    reason_ = "the other end closed the connection";
    return Progress::failed;
}

TlsSession::Progress TlsSession::check_protocol() {
    established_ = true;
    if (!client_.needs_protocol()) return Progress::done;
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    if (size == 2 && std::memcmp(name, "h2", 2) == 0) return Progress::done;
    reason_ = "the service does not agree to HTTP/2";
    return Progress::failed;
}

TlsSession::Result TlsSession::read(char* into, std::size_t room) {
    std::size_t got = 0;
    errno = 0;
    const int returned = SSL_read_ex(ssl_, into, room, &got);
    if (returned == 1) return {Progress::done, got};
    return {progress_of(returned)};
}

TlsSession::Result TlsSession::write(const char* from, std::size_t size) {
    std::size_t put = 0;
    errno = 0;
    const int returned = SSL_write_ex(ssl_, from, size, &put);
    if (returned == 1) return {Progress::done, put};
    return {progress_of(returned)};
}

bool TlsSession::has_buffered() const noexcept {
    return SSL_has_pending(ssl_) != 0;
}

bool TlsSession::has_something_to_read() noexcept {
    char byte = 0;
    std::size_t got = 0;
    const int returned = SSL_peek_ex(ssl_, &byte, 1, &got);
    if (returned == 1) return true;
    // Session tickets are for nobody else to read.
    const bool waits = SSL_get_error(ssl_, returned) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return !waits;
}

TlsSession::Progress TlsSession::progress_of(int returned) {
    const int system_error = errno;
    switch (SSL_get_error(ssl_, returned)) {
        case SSL_ERROR_WANT_READ:
            return Progress::wants_to_read;
        case SSL_ERROR_WANT_WRITE:
            return Progress::wants_to_write;
        case SSL_ERROR_ZERO_RETURN:
            return Progress::closed;
        case SSL_ERROR_SYSCALL:
            error_ = system_error;
            cut_off_ = system_error == 0;
            reason_ =
                cut_off_ ? "the other end closed the connection" : std::strerror(system_error);
            ERR_clear_error();
            break;
        default:
            explain();
            break;
    }
    broken_ = true;
    return Progress::failed;
}

void TlsSession::explain() {
    error_ = 0;
    const unsigned long code = ERR_peek_error();
    cut_off_ = ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    const bool is_plain = ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER;
    reason_ = cut_off_ ? "the other end closed the connection" : take_reason();
    ERR_clear_error();
    if (is_plain) reason_ += ": is it plain HTTP there?";
    const long verified = SSL_get_verify_result(ssl_);
    if (client_.verify_ && verified != X509_V_OK && !established_) {
        reason_ += fmt::format(": {}", X509_verify_cert_error_string(verified));
    }
}

}  // namespace claimstorm
