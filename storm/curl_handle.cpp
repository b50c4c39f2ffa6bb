#include "storm/curl_handle.h"

#include <new>

#include "model/error.h"

namespace claimstorm {
namespace {

long http_version(HttpVersion version, bool is_secure) {
    if (version == HttpVersion::http3) return CURL_HTTP_VERSION_3;
    if (version == HttpVersion::http1) return CURL_HTTP_VERSION_1_1;
    return is_secure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

void set_tls(CURL* handle, const TlsSpec& tls) {
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
    // Every connection is somebody else's: none goes on with another's session.
    curl_easy_setopt(handle, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    if (!tls.ca.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, tls.ca.c_str());
        curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);  // and nobody besides
    }
    if (tls.certificate.empty()) return;
    curl_easy_setopt(handle, CURLOPT_SSLCERT, tls.certificate.c_str());
    curl_easy_setopt(handle, CURLOPT_SSLKEY,
                     tls.key.empty() ? tls.certificate.c_str() : tls.key.c_str());
}

}  // namespace

void CurlList::add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    static_cast<void>(list_.release());
    list_.reset(longer);
}

CurlHandle make_curl_handle(const TransportSpec& transport, bool is_secure) {
    CurlHandle owned(curl_easy_init());
    CURL* handle = owned.get();
    if (handle == nullptr) throw EnvironmentError("libcurl could not be initialised");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, transport.proxy.c_str());
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "");
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, http_version(transport.version, is_secure));
    if (!transport.unix_socket.empty()) {
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, transport.unix_socket.c_str());
    }
    if (is_secure) set_tls(handle, transport.tls);
    return owned;
}

void add_no_header_of_its_own(CurlList& headers, bool has_accept, bool has_content_type) {
    headers.add("Expect:");
    if (!has_accept) headers.add("Accept:");
    if (!has_content_type) headers.add("Content-Type:");
}

}  // namespace claimstorm
