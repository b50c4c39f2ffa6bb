#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "storm/spec.h"

namespace claimstorm {

struct CurlFree {
    void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using CurlHandle = std::unique_ptr<CURL, CurlFree>;

/// A list of header lines, and what else libcurl wants a list for.
class CurlList {
  public:
    void add(const std::string& line);
    void clear() noexcept { list_.reset(); }
    curl_slist* get() const noexcept { return list_.get(); }

  private:
    std::unique_ptr<curl_slist, CurlFree> list_;
};

/// A handle that goes where `transport` says and nowhere else: the environment's proxies, signals,
/// redirects, other protocols and libcurl's own headers are out. `is_secure`: to an https:// URL.
/// Throws EnvironmentError when libcurl has no handle left.
CurlHandle make_curl_handle(const TransportSpec& transport, bool is_secure);

/// libcurl adds headers of its own; a name without a value keeps it from that.
void add_no_header_of_its_own(CurlList& headers, bool has_accept, bool has_content_type);

}  // namespace claimstorm
