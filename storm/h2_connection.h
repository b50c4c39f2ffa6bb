#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "storm/connection.h"
#include "storm/h2_session.h"

namespace claimstorm {

/// One worker's sessions: as many as the service's limit of streams makes necessary for its
/// connections, which are dealt to them in turn.
class H2Sessions {
  public:
    /// `first_source`: whose turn among the source addresses it is. All must outlive the object.
    H2Sessions(EventLoop& loop, const StreamTarget& target,
               const std::vector<SocketAddress>& sources, std::size_t first_source);

    /// Whose number is that of the connection; all are made before any is used.
    std::size_t add_connection() { return connections_++; }

    /// The session for the next exchange of that connection, open or to be waited for; another than
    /// its own while that takes no streams. Null: the service allows too few streams for all.
    H2Session* pick(std::size_t connection);

    const std::vector<std::unique_ptr<H2Session>>& all() const noexcept { return sessions_; }

  private:
    H2Session& add();

    EventLoop& loop_;
    const StreamTarget& target_;
    const std::vector<SocketAddress>& sources_;
    std::size_t next_source_;
    std::size_t connections_ = 0;
    std::size_t dealt_ = 0;  // to how many sessions; 0: the service's limit is not known yet
    std::vector<std::unique_ptr<H2Session>> sessions_;
};

/// A connection as the worker sees it: one exchange at a time, each a stream of a session.
class H2Connection final : public Connection, private H2Stream {
  public:
    H2Connection(EventLoop& loop, H2Sessions& sessions, ExchangeListener& listener);
    ~H2Connection() override;

    bool is_open() const noexcept override { return session_ != nullptr && session_->is_open(); }
    void open() override;
    void hold() override;
    void send() override;

    /// Does what `send` does, but for the write: the session's `flush` is left to the caller.
    void load();

  private:
    void start();
    bool submit(bool hold);

    void on_session_ready() override;
    void on_session_failed(TransportError error, const std::string& reason) override;
    void on_sending() override;
    void on_sent(bool left) override;
    void on_headers_begin() override;
    TransportError on_header(std::string_view name, std::string_view value) override;
    TransportError on_data(std::string_view bytes) override;
    bool on_headers_end() override;
    void on_end(TransportError error) override;
    void close() override;

    H2Sessions& sessions_;
    std::size_t number_;
    H2Session* session_ = nullptr;  // of the exchange in flight, or of the last one
    bool opening_ = false;          // without a request behind it
    bool held_ = false;
    bool part_left_ = false;  // of a request that is held
    int tries_ = 0;           // to find a session for this exchange
    std::size_t header_bytes_ = 0;
    TimeNs idle_since_ns_ = 0;
};

}  // namespace claimstorm
