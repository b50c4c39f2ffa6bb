#include "bench/nginx.h"

#include <arpa/inet.h>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include "bench/receiver.h"
#include "lab/programs.h"
#include "model/error.h"

namespace claimstorm::bench {
namespace {

namespace fs = std::filesystem;

/// One process, no log, connections that are never closed for having served enough.
constexpr const char* kConfig = R"(daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 '{body}'; }}
    }}
}}
)";

/// With less than a sixteenth of its slots free, nginx closes connections that wait for a request.
int slots_for(int connections) {
    constexpr int kOther = 64;
    return connections + connections / 8 + kOther;
}

bool accepts_connections(std::uint16_t port) {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return probe &&
           ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Nginx::Nginx(const fs::path& folder, int connections) : port_(PortLease::take(folder)) {
    const fs::path config = folder / "nginx.conf";
    write_private_file(config,
                       fmt::format(kConfig, fmt::arg("folder", folder.string()),
                                   fmt::arg("connections", slots_for(connections)),
                                   fmt::arg("port", port_.port()), fmt::arg("body", kGrantedBody)));
    ChildOptions options;
    options.argv = {find_program("nginx", "nginx").string(), "-p", folder.string(), "-c",
                    config.string()};
    options.err = ToFile{folder / "nginx.err"};
    process_.emplace(options);
    constexpr int kTries = 250;
    for (int i = 0; i < kTries; ++i) {
        if (accepts_connections(port_.port())) return;
        if (process_->wait(std::chrono::milliseconds(20))) break;
    }
    throw EnvironmentError("nginx does not answer:\n" + tail_of(folder / "nginx.err"));
}

int Nginx::files_needed(int connections) {
    constexpr int kOther = 64;
    return slots_for(connections) + kOther;
}

std::string Nginx::url() const {
    return fmt::format("http://127.0.0.1:{}", port_.port());
}

double Nginx::cpu_s() const {
    // proc(5): behind the name in brackets, user and system time are the 12th and 13th field.
    const std::string stat = read_file_or_empty(fmt::format("/proc/{}/stat", process_->pid()));
    std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace claimstorm::bench
