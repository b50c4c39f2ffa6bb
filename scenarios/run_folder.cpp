#include "scenarios/run_folder.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr int kSameSecondMax = 1000;

}  // namespace

RunFolder::RunFolder(const std::filesystem::path& wanted, const std::string& scenario_name) {
    std::error_code error;
    if (!wanted.empty()) {
        path_ = wanted;
        existed_ = std::filesystem::exists(path_, error);
        if (existed_ && !std::filesystem::is_empty(path_, error)) {
            throw UsageError(fmt::format(
                "the run folder '{}' is not empty; name a new one, a run is never overwritten",
                path_.string()));
        }
        std::filesystem::create_directories(path_, error);
        if (error) {
            throw EnvironmentError(fmt::format("cannot make the run folder '{}': {}",
                                               path_.string(), error.message()));
        }
        return;
    }
    const std::filesystem::path runs = "runs";
    std::filesystem::create_directories(runs, error);
    const std::string stem =
        fmt::format("{:%Y%m%dT%H%M%SZ}-{}", fmt::gmtime(std::time(nullptr)), scenario_name);
    for (int i = 1; i <= kSameSecondMax && !error; ++i) {
        path_ = runs / (i == 1 ? stem : fmt::format("{}-{}", stem, i));
        if (std::filesystem::create_directory(path_, error)) return;
    }
    throw EnvironmentError(fmt::format("cannot make the run folder '{}': {}; name another with -o",
                                       path_.string(), error ? error.message() : "too many"));
}

RunFolder::~RunFolder() {
    if (kept_) return;
    std::error_code ignored;
    if (!existed_) {
        std::filesystem::remove_all(path_, ignored);
        return;
    }
    // It was there before, and empty: so it is left.
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
        std::filesystem::remove_all(entry.path(), ignored);
    }
}

void write_text_file(const std::filesystem::path& path, const std::string& text) {
    const std::filesystem::path temporary = path.string() + ".new";
    {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        out << text;
        out.close();
        if (!out) {
            const int error = errno;
            std::error_code ignored;
            std::filesystem::remove(temporary, ignored);
            throw EnvironmentError(
                fmt::format("cannot write {}: {}", path.string(), std::strerror(error)));
        }
    }
    std::error_code error;
    std::filesystem::rename(temporary, path, error);
    if (error) {
        throw EnvironmentError(fmt::format("cannot write {}: {}", path.string(), error.message()));
    }
}

}  // namespace claimstorm
