#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storm/connection.h"
#include "storm/response_parser.h"

namespace claimstorm {

/// Takes the bytes of an HTTP/1.1 response as they come and puts what they say into an exchange.
/// Holds, whatever comes, at most a header's worth of bytes besides the exchange's body and
/// headers, which have limits of their own.
class ResponseReader {
  public:
    enum class Progress : std::uint8_t {
        wants_more,
        done,    ///< the final response is whole
        failed,  ///< `error()` says how; nothing more is taken
    };

    /// Fills `status`, `body` and `headers` of the exchange, which must outlive the reader.
    explicit ResponseReader(Exchange& exchange) : exchange_(exchange) {}

    /// Before an exchange's first byte: forgets the one before.
    void begin();

    /// The next bytes of the stream; `bytes` is not empty.
    Progress take(std::string_view bytes);

    /// The service has ended its side of the stream: for some responses that is how they end.
    Progress take_end();

    TransportError error() const noexcept { return error_; }

    /// Of a response that is done: whether the stream may carry another. Bytes behind the response
    /// belong to no request of ours, so that it cannot be trusted then.
    bool may_go_on() const { return !left_over_ && parser_->keep_alive(); }

    /// Bytes that wait for more behind them.
    std::size_t unparsed_bytes() const noexcept { return unparsed_.size(); }

    /// What the parser has not taken yet (a header, a chunk's header) may grow to this.
    static constexpr std::size_t kUnparsedBytesMax =
        std::size_t{2} * ResponseParser::kHeaderBytesMax;
    /// Interim responses (100 Continue, 103 Early Hints) before the real one.
    static constexpr int kInterimMax = 16;

  private:
    Progress parse(std::string_view bytes);
    Progress fail(TransportError error);

    Exchange& exchange_;
    std::optional<ResponseParser> parser_;
    std::string unparsed_;  // what the parser wants to see again with more behind it
    int interim_ = 0;
    bool left_over_ = false;
    TransportError error_ = TransportError::none;
};

}  // namespace claimstorm
