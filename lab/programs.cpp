#include "lab/programs.h"

#include <cstdlib>
#include <sstream>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

bool is_program(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

fs::path find_program(const std::string& name, const std::string& package) {
    if (name.find('/') != std::string::npos) {
        if (is_program(name)) return fs::absolute(name);
        throw EnvironmentError(
            fmt::format("{} is not an executable file; the Debian package {} "
                        "has the program a lab needs",
                        name, package));
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path == nullptr ? "" : path) +
                               ":/usr/sbin:/usr/local/sbin:/usr/libexec:/sbin:/usr/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (folder.empty()) continue;
        if (fs::path program = fs::path(folder) / name; is_program(program)) {
            return fs::absolute(program);
        }
    }
    throw EnvironmentError(
        fmt::format("{} is not installed: apt install --no-install-recommends {}", name, package));
}

std::vector<std::string> server_environment(const fs::path& lab_folder) {
    std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
                                            "HOME=" + lab_folder.string()};
    for (const char* name : {"TZ", "LD_LIBRARY_PATH"}) {
        if (const char* value = std::getenv(name)) {
            environment.push_back(fmt::format("{}={}", name, value));
        }
    }
    return environment;
}

}  // namespace claimstorm
