#include <algorithm>
#include <cerrno>

#include "storm/curl_transport.h"
#include "storm/request_parts.h"
#include "storm/response_parser.h"

namespace claimstorm {
namespace {

CurlConnection& of(void* self) {
    return *static_cast<CurlConnection*>(self);
}

bool is_of_tls(CURLcode code) {
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CIPHER || code == CURLE_SSL_ISSUER_ERROR ||
           code == CURLE_SSL_INVALIDCERTSTATUS || code == CURLE_SSL_CLIENTCERT;
}

}  // namespace

CurlConnection::CurlConnection(CurlTransport& transport, const std::string& source,
                               ExchangeListener& listener)
    : Connection(transport.loop(), listener),
      transport_(transport),
      handle_(make_curl_handle(transport.route().transport, transport.route().address.tls)),
      errors_(CURL_ERROR_SIZE, '\0') {
    CURL* handle = handle_.get();
    const std::string url = transport.route().address.origin() + "/";
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PRIVATE, this);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, errors_.data());
    curl_easy_setopt(handle, CURLOPT_RESOLVE, transport.resolved());
    curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(handle, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    if (!source.empty()) {
        curl_easy_setopt(handle, CURLOPT_INTERFACE, ("host!" + source).c_str());
    }
}

CurlConnection::~CurlConnection() {
    close();
}

void CurlConnection::open() {
    begin();
    is_probe_ = transport_.takes_probe();
    if (!is_probe_) {
        finish_later(TransportError::none);
        return;
    }
    curl_easy_setopt(handle_.get(), CURLOPT_CONNECT_ONLY, 1L);
    start();
}

void CurlConnection::send() {
    begin();
    is_probe_ = false;
    describe_request();
    start();
}

void CurlConnection::start() {
    header_bytes_ = 0;
    refused_ = TransportError::none;
    errors_.front() = '\0';
    is_running_ = transport_.add(handle_.get());
    if (!is_running_) finish_later(TransportError::send_failed);
}

void CurlConnection::describe_request() {
    thread_local RequestParts parts;
    take_apart(exchange_.request, parts);
    CURL* handle = handle_.get();
    const std::string method(parts.method);
    if (exchange_.head) {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, nullptr);
    } else if (method == "GET" && parts.body.empty()) {
        curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, nullptr);
    } else {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, parts.body.data());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(parts.body.size()));
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method.c_str());
    }
    const Route& route = transport_.route();
    // A proxy that makes the request itself is told the whole URL.
    target_ = route.transport.proxy.empty() || route.address.tls ? "" : route.address.origin();
    target_.append(parts.path);
    curl_easy_setopt(handle, CURLOPT_REQUEST_TARGET, target_.c_str());
    const curl_off_t body_max = exchange_.head ? 0 : curl_off_t{ResponseParser::kBodyBytesMax};
    curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, body_max);

    headers_.clear();
    bool has_accept = false;
    bool has_type = false;
    std::string line = "Host: ";
    headers_.add(line.append(parts.host));
    for (const auto& [name, value] : parts.headers) {
        if (equal_header_names(name, "Content-Length")) continue;  // libcurl writes it
        has_accept |= equal_header_names(name, "Accept");
        has_type |= equal_header_names(name, "Content-Type");
        line.assign(name);
        // With a semicolon libcurl sends a header that is empty; with a colon, none.
        headers_.add(value.empty() ? line + ";" : line.append(": ").append(value));
    }
    add_no_header_of_its_own(headers_, has_accept, has_type);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
}

/// libcurl is about to send the request. When a connection of its pool turns out to be dead it does
/// so again by itself: that is a second claim, and is refused.
int CurlConnection::on_request(void* self, char*, char*, int, int) {
    CurlConnection& connection = of(self);
    if (connection.is_probe_) return CURL_PREREQFUNC_OK;
    if (connection.exchange_.sent_ns != kNever) return CURL_PREREQFUNC_ABORT;
    connection.exchange_.sent_ns = connection.listener_.now_ns();
    connection.listener_.on_sent(connection);
    return CURL_PREREQFUNC_OK;
}

std::size_t CurlConnection::refuse(TransportError error) {
    refused_ = error;
    return 0;
}

std::size_t CurlConnection::on_header(char* text, std::size_t, std::size_t size, void* self) {
    CurlConnection& connection = of(self);
    Exchange& exchange = connection.exchange_;
    if (exchange.first_byte_ns == kNever) exchange.first_byte_ns = connection.listener_.now_ns();
    connection.header_bytes_ += size;
    if (connection.header_bytes_ > ResponseParser::kHeaderBytesMax) {
        return connection.refuse(TransportError::header_too_large);
    }
    if (exchange.wanted_headers == nullptr) return size;
    std::string_view line(text, size);
    if (line.starts_with("HTTP/")) exchange.headers.clear();  // after an interim answer
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    keep_header(exchange.headers, *exchange.wanted_headers, line.substr(0, colon),
                trimmed(line.substr(colon + 1)));
    return size;
}

std::size_t CurlConnection::on_body(char* bytes, std::size_t, std::size_t size, void* self) {
    CurlConnection& connection = of(self);
    if (connection.exchange_.body.size() + size > ResponseParser::kBodyBytesMax) {
        return connection.refuse(TransportError::body_too_large);
    }
    connection.exchange_.body.append(bytes, size);
    return size;
}

void CurlConnection::on_done(CURLcode code) {
    close();
    if (is_probe_) curl_easy_setopt(handle_.get(), CURLOPT_CONNECT_ONLY, 0L);
    if (code == CURLE_OK) exchange_.done_ns = listener_.now_ns();
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    long connects = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_NUM_CONNECTS, &connects);
    transport_.loop().count_connections(connects);
    exchange_.status = status / 100 == 1 ? 0 : static_cast<int>(status);
    if (code != CURLE_OK) {
        exchange_.reason = errors_.c_str();
        if (exchange_.reason.empty()) exchange_.reason = curl_easy_strerror(code);
    }
    finish(error_of(code));
}

TransportError CurlConnection::error_of(CURLcode code) const {
    if (refused_ != TransportError::none) return refused_;
    if (code == CURLE_OK) return TransportError::none;
    if (exchange_.sent_ns == kNever) return connect_error(code);
    switch (code) {
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
            return TransportError::closed_early;
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_HTTP2_STREAM:
        case CURLE_ABORTED_BY_CALLBACK:
            return TransportError::reset;
        case CURLE_FILESIZE_EXCEEDED:
            return TransportError::body_too_large;
        // A header line beyond what libcurl itself takes.
        case CURLE_OUT_OF_MEMORY:
            return TransportError::header_too_large;
        default:
            return is_of_tls(code) ? TransportError::tls_failed : TransportError::bad_response;
    }
}

TransportError CurlConnection::connect_error(CURLcode code) const {
    if (is_of_tls(code)) return TransportError::tls_failed;
    long error = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &error);
    if (code == CURLE_COULDNT_CONNECT && error == ECONNREFUSED) {
        return TransportError::connect_refused;
    }
    return code == CURLE_OPERATION_TIMEDOUT ? TransportError::connect_timeout
                                            : TransportError::connect_failed;
}

/// A transfer that is still under way ends with its connection.
void CurlConnection::close() {
    if (!is_running_) return;
    is_running_ = false;
    transport_.remove(handle_.get());
}

}  // namespace claimstorm
