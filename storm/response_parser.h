#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <boost/beast/http/basic_parser.hpp>

#include "storm/response_headers.h"

namespace claimstorm {

/// Beast's HTTP/1.1 parser with the least that a storm needs of a response: the status, whether
/// the connection stays open, and the body up to a limit. Header fields are passed over, but for
/// those that are wanted.
/// One object a response (Beast's parsers cannot be reset).
class ResponseParser : public boost::beast::http::basic_parser<false> {
  public:
    static constexpr std::size_t kBodyBytesMax = std::size_t{256} * 1024;
    static constexpr std::uint32_t kHeaderBytesMax = 32 * 1024;

    /// The body is appended to `body`, and the headers that `wanted` names, if any, to `headers`;
    /// all three must outlive the parser.
    ResponseParser(std::string& body, const HeaderNames* wanted, std::string& headers)
        : body_(body), wanted_(wanted), headers_(headers) {
        header_limit(kHeaderBytesMax);
        body_limit(kBodyBytesMax);
        eager(true);
    }

    int status() const noexcept { return status_; }

  private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                         error_code&) override {}
    void on_response_impl(int status, string_view, int, error_code&) override { status_ = status; }
    void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                       error_code&) override {
        if (wanted_ != nullptr) keep_header(headers_, *wanted_, name, value);
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view bytes, error_code&) override {
        body_.append(bytes);
        return bytes.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override {
        body_.append(bytes);
        return bytes.size();
    }
    void on_finish_impl(error_code&) override {}

    std::string& body_;
    const HeaderNames* wanted_;
    std::string& headers_;
    int status_ = 0;
};

}  // namespace claimstorm
