#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storm/spec.h"

struct ssl_st;      // OpenSSL's SSL
struct ssl_ctx_st;  // and SSL_CTX

namespace claimstorm {

/// What all TLS connections to one service have in common: whom they trust, who they say they are,
/// which protocol they ask for. Made once, shared by all threads, only read.
class TlsClient {
  public:
    /// `host` is the name or the address that the service's certificate must be for; `protocol` the
    /// one that ALPN asks for ("http/1.1", "h2"). Throws UsageError for files that cannot be used.
    TlsClient(const TlsSpec& spec, std::string host, std::string_view protocol);

    bool needs_protocol() const noexcept { return needs_protocol_; }

  private:
    friend class TlsSession;
    struct Free {
        void operator()(ssl_ctx_st* context) const noexcept;
    };

    void trust(const TlsSpec& spec);
    void identify(const TlsSpec& spec);

    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::string host_;
    std::string protocol_;
    bool is_address_;
    bool verify_;
    bool needs_protocol_;  // HTTP/2 is agreed on or not spoken
};

/// One connection's TLS on a socket that does not block, and that the caller closes after it.
class TlsSession {
  public:
    enum class Progress : std::uint8_t { done, wants_to_read, wants_to_write, closed, failed };
    struct Result {
        Progress progress;
        std::size_t bytes = 0;
    };

    TlsSession(const TlsClient& client, int socket);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    Progress handshake();
    Result read(char* into, std::size_t room);
    /// At most one record's worth a call. What was refused must be offered again, more behind it
    /// or not.
    Result write(const char* from, std::size_t size);
    /// Whether bytes have been taken from the socket and not been read yet.
    bool has_buffered() const noexcept;
    /// Whether `read` would say anything but that it waits.
    bool has_something_to_read() noexcept;

    /// The errno of the last failure; 0: it was not the system's.
    int error() const noexcept { return error_; }
    /// The last failure in words, such as "certificate verify failed: self-signed certificate".
    const std::string& reason() const noexcept { return reason_; }
    /// The other end stopped without saying so: what it has sent may be cut off.
    bool was_cut_off() const noexcept { return cut_off_; }

  private:
    Progress progress_of(int returned);
    void explain();
    Progress check_protocol();

    const TlsClient& client_;
    ssl_st* ssl_;
    int error_ = 0;
    bool established_ = false;
    bool broken_ = false;
    bool cut_off_ = false;
    std::string reason_;
};

}  // namespace claimstorm
