#pragma once

#include <string_view>
#include <vector>

namespace claimstorm {

/// A request as HTTP/1.1 writes it, taken apart for transports that write it differently. Views
/// into its text.
struct RequestParts {
    struct Header {
        std::string_view name;
        std::string_view value;
    };
    std::string_view method;
    std::string_view path;
    std::string_view host;
    /// In their order, without Host and those that speak of a connection of HTTP/1.1.
    std::vector<Header> headers;
    std::string_view body;
};

/// `request` is whole, as RequestTemplate renders it. What `parts` held is replaced.
void take_apart(std::string_view request, RequestParts& parts);

}  // namespace claimstorm
