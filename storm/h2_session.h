#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/history.h"
#include "storm/byte_stream.h"
#include "storm/request_parts.h"

struct nghttp2_session;  // NOLINT(readability-identifier-naming): theirs

namespace claimstorm {

class H2Session;

/// One exchange on a stream of an H2Session, which tells it how it goes.
class H2Stream {
  public:
    H2Stream() = default;
    virtual ~H2Stream() = default;
    H2Stream(const H2Stream&) = delete;
    H2Stream& operator=(const H2Stream&) = delete;

    /// The session that was waited for takes streams now, or could not be opened.
    virtual void on_session_ready() = 0;
    virtual void on_session_failed(TransportError error, const std::string& reason) = 0;

    /// The session is about to write what was submitted or let out, and has. `left` false: the
    /// connection was broken and took nothing of it; `on_end` follows.
    virtual void on_sending() = 0;
    virtual void on_sent(bool left) = 0;

    virtual void on_headers_begin() = 0;
    /// Returns `none` to go on.
    virtual TransportError on_header(std::string_view name, std::string_view value) = 0;
    virtual TransportError on_data(std::string_view bytes) = 0;
    /// The end of a block of headers: whether the answer is the final one (not 1xx).
    virtual bool on_headers_end() = 0;
    /// The end of the exchange: the answer is whole, or there will be none. Never told from within
    /// a call of the stream's own.
    virtual void on_end(TransportError error) = 0;

  private:
    friend class H2Session;
    friend struct H2Callbacks;
    std::int32_t id_ = 0;         // 0: no stream of the session's
    std::size_t live_index_ = 0;  // in the session's list
    std::string_view body_;       // what of the request has not been taken yet
    bool held_ = false;           // the end of the stream waits for the release
    bool is_final_ = false;       // the answer's own headers have been read
    bool was_reset_ = false;      // by the other end
};

/// One connection of HTTP/2, by nghttp2: any number of streams, up to what the service allows.
/// Opened when somebody waits for it; after GOAWAY it takes no streams, and is closed with the
/// last. Nothing is ever sent twice. Bounded: what it keeps of the other end's frames is what
/// nghttp2 bounds, what it has to write is written before more is made.
class H2Session final : private ReadyListener {
  public:
    /// What a session takes at once, whatever the service allows: so many final frames of 9 bytes
    /// still fit one packet (and one TLS record).
    static constexpr std::uint32_t kStreamsMax = 100;

    /// `source` null: the system chooses the local address. All must outlive the session.
    H2Session(EventLoop& loop, const StreamTarget& target, const SocketAddress* source);
    ~H2Session() override;

    bool is_open() const noexcept {
        return state_ == State::open && !is_draining_ && broken_ == TransportError::none;
    }
    /// How many more streams it takes, waiting ones counted.
    std::size_t room() const noexcept;
    /// The most streams at once: what the service allows, as far as is known, and kStreamsMax.
    std::size_t streams_max() const noexcept { return streams_max_; }
    bool has_streams() const noexcept { return !live_.empty() || !waiting_.empty(); }

    /// Opens it if need be; `on_session_ready` or `on_session_failed` follows.
    void wait(H2Stream& stream);

    /// Puts the request of `parts` (which may go) with `body` (which must stay) on a stream; the
    /// next `flush` writes it. `hold`: all of it but the end. False when no stream can be had.
    bool submit(H2Stream& stream, const RequestParts& parts, bool hold);
    /// Lets the end of a held stream out with the next `flush`. False when the stream is no more.
    bool let_out(H2Stream& stream);

    /// Writes all there is, in one call if it fits. Streams that end by that are told later.
    void flush();

    /// Reads what has come, so that what is used next is known to be open. Ends are told later.
    void freshen();

    /// The stream ends without a word to it; the other end is told CANCEL.
    void forget(H2Stream& stream);

  private:
    friend struct H2Callbacks;
    enum class State : std::uint8_t { closed, connecting, settling, open };

    void on_ready(std::uint32_t events) override;
    void later();
    void on_connect(ByteStream::Progress progress);
    void start();
    void read_some();
    void gather();
    void close_if_over();
    void end(TransportError error, std::string reason);
    void detach(H2Stream& stream);
    void end_stream(H2Stream& stream, TransportError error);
    void tell();

    EventLoop& loop_;
    ByteStream stream_;
    const SocketAddress* source_;
    nghttp2_session* session_ = nullptr;
    State state_ = State::closed;
    bool is_draining_ = false;
    bool is_later_ = false;
    TransportError broken_ = TransportError::none;  // the end that is told later
    std::size_t streams_max_ = kStreamsMax;
    std::size_t streams_ = 0;  // as nghttp2 counts them, cancelled ones that are not closed too
    std::vector<H2Stream*> live_;
    std::vector<H2Stream*> waiting_;
    std::vector<H2Stream*> unsent_;  // submitted or let out, and not written yet
    std::vector<H2Stream*> sending_;
    std::vector<std::pair<H2Stream*, TransportError>> ended_;
    TransportError failure_ = TransportError::none;  // of opening: told to who waits
    std::string reason_;
    std::string out_;
    std::size_t written_ = 0;  // of `out_`
};

}  // namespace claimstorm
