#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "storm/spec.h"

namespace claimstorm {

/// A control-plane request: preparing a target, asking it about itself. Storms go another way.
struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers;  ///< "Name: value"
    std::string body;
    TransportSpec transport = {};  ///< a target is reached as its storm reaches it
};

struct HttpAnswer {
    long status = 0;
    std::string headers;  ///< the status line and the headers, each with its line break
    std::string body;     ///< its beginning, up to the limit asked for
    bool is_cut = false;  ///< the body is longer
    std::chrono::microseconds took{0};
};

/// Makes the call through libcurl, within 15 s; what the headers say is sent and
/// nothing else but Content-Length. Throws EnvironmentError when no answer came.
HttpAnswer http_call(const HttpCall& call, std::size_t body_bytes_max);

}  // namespace claimstorm
