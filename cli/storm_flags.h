#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/scenario.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace claimstorm {

/// The flags of `claimstorm storm`: a target and a storm without any file.
struct StormFlags {
    std::string url;
    std::string method = "POST";
    std::vector<std::string> headers;
    std::string body = R"({"user":"{user}"})";
    std::string user = "u{n}";
    std::string campaign = "1";
    std::vector<std::string> outcomes;
    std::vector<std::string> gates;
    std::vector<std::string> hosts_allowed;
    std::optional<std::uint32_t> threads;
    std::string connections;
    std::string duration;
    std::string requests;
    std::string rate;
    std::string stages;
    std::string think;
    std::string timeout = "2s";
    std::string gate = "full";
    bool poisson = false;
    bool burst = false;
    std::vector<std::string> source_addresses;
    std::string transport;
    std::string http;
    std::string unix_socket;
    std::string proxy;
    std::string ca;
    std::string certificate;
    std::string key;
    bool insecure = false;

    void add_to(CLI::App& command);

    /// Throws UsageError, naming the option, for what cannot be fired.
    Scenario scenario() const;
};

}  // namespace claimstorm
