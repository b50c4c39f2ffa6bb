#include "storm/response_reader.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace claimstorm {

namespace http = boost::beast::http;

void ResponseReader::begin() {
    parser_.reset();
    unparsed_.clear();
    interim_ = 0;
    left_over_ = false;
    error_ = TransportError::none;
}

ResponseReader::Progress ResponseReader::fail(TransportError error) {
    error_ = error;
    return Progress::failed;
}

ResponseReader::Progress ResponseReader::take(std::string_view bytes) {
    if (unparsed_.empty()) return parse(bytes);
    // The parser takes `whole`, and what it leaves goes back into `unparsed_`.
    std::string whole = std::move(unparsed_);
    unparsed_.clear();
    whole.append(bytes);
    // Boost 1.81 asserts that the last chunk comes in five bytes at least (boostorg/beast#2861);
    // whatever begins with a chunk's header, its least being "0\r\n\r\n", has as many.
    constexpr std::size_t kLeastChunk = 5;
    if (whole.size() < kLeastChunk && parser_ && parser_->is_header_done() && parser_->chunked()) {
        unparsed_ = std::move(whole);
        return Progress::wants_more;
    }
    return parse(whole);
}

ResponseReader::Progress ResponseReader::parse(std::string_view bytes) {
    while (!bytes.empty()) {
        if (!parser_) {
            parser_.emplace(exchange_.body, exchange_.wanted_headers, exchange_.headers);
            if (exchange_.head) parser_->skip(true);
        }
        boost::system::error_code error;
        const std::size_t used =
            parser_->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
        bytes.remove_prefix(used);
        exchange_.status = parser_->status();
        if (error == http::error::need_more) break;
        if (error == http::error::header_limit) return fail(TransportError::header_too_large);
        if (error == http::error::body_limit) return fail(TransportError::body_too_large);
        if (error) return fail(TransportError::bad_response);
        if (!parser_->is_done()) {
            if (used == 0) break;
            continue;
        }
        if (exchange_.status / 100 != 1) {
            left_over_ = !bytes.empty();
            return Progress::done;
        }
        // An interim response: the real one follows.
        if (++interim_ > kInterimMax) return fail(TransportError::bad_response);
        exchange_.status = 0;
        exchange_.headers.clear();
        parser_.reset();
    }
    if (bytes.size() > kUnparsedBytesMax) return fail(TransportError::header_too_large);
    unparsed_.assign(bytes);
    return Progress::wants_more;
}

ResponseReader::Progress ResponseReader::take_end() {
    if (!parser_ || !parser_->got_some()) return fail(TransportError::closed_early);
    boost::system::error_code error;
    parser_->put_eof(error);
    if (error || !parser_->is_done()) return fail(TransportError::closed_early);
    left_over_ = true;
    return Progress::done;
}

}  // namespace claimstorm
