#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <boost/beast/http/basic_parser.hpp>

namespace claimstorm {

/// Beast's HTTP/1.1 parser with the least that a storm needs of a response: the status, whether
/// the connection stays open, and the body up to a limit. Nothing is allocated for header fields.
/// One object a response (Beast's parsers cannot be reset).
class ResponseParser : public boost::beast::http::basic_parser<false> {
  public:
    static constexpr std::size_t kBodyBytesMax = std::size_t{256} * 1024;
    static constexpr std::uint32_t kHeaderBytesMax = 32 * 1024;

    /// The body is appended to `body`, which must outlive the parser.
    explicit ResponseParser(std::string& body) : body_(body) {
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
    void on_field_impl(boost::beast::http::field, string_view, string_view, error_code&) override {}
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
    int status_ = 0;
};

}  // namespace claimstorm
