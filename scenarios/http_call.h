#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace claimstorm {

/// A control-plane request: preparing a target, asking it about itself. Storms go another way.
struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;  ///< "Name: value"
    std::string body;
};

struct HttpAnswer {
    long status = 0;
    std::string body;  ///< its beginning, up to the limit asked for
};

/// Makes the call through libcurl, directly and within 15 s. Throws EnvironmentError when no
/// answer came.
HttpAnswer http_call(const HttpCall& call, std::size_t body_bytes_max);

}  // namespace claimstorm
