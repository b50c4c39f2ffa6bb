#include "lab/template_cache.h"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "lab/posix.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "mariadb-";
constexpr std::string_view kUnfinished = "unfinished-";
constexpr std::chrono::hours kKept{24 * 30};
constexpr std::chrono::minutes kUnfinishedKept{10};

bool is_ours_to_write(const fs::path& folder) {
    struct stat status {};
    return ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == ::geteuid() && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

bool make_ours(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    return !error && is_ours_to_write(folder);
}

/// FNV-1a, 64 bits: names a folder after a text of any length.
std::uint64_t fingerprint(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
}

/// Removes what killed processes left unfinished, and templates of servers long replaced.
void remove_old(const fs::path& folder) {
    std::error_code error;
    const auto now = fs::file_time_type::clock::now();
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        const bool unfinished = name.starts_with(kUnfinished);
        if (!unfinished && !name.starts_with(kPrefix)) continue;
        const auto age = now - entry.last_write_time(error);
        if (age > (unfinished ? std::chrono::hours(0) + kUnfinishedKept
                              : std::chrono::duration_cast<std::chrono::minutes>(kKept))) {
            fs::remove_all(entry.path(), error);
        }
    }
}

}  // namespace

fs::path template_cache_folder(const fs::path& asked, const fs::path& fallback) {
    if (!asked.empty()) return make_ours(asked) ? asked : fallback;
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    fs::path base;
    if (cache != nullptr && *cache == '/') {
        base = cache;
    } else if (home != nullptr && *home == '/') {
        // Under sudo, HOME may be somebody else's: nothing of root's is left there.
        if (!is_ours_to_write(home)) return fallback;
        base = fs::path(home) / ".cache";
    }
    if (base.empty()) return fallback;
    const fs::path folder = base / "claimstorm";
    return make_ours(folder) ? folder : fallback;
}

TemplateCache::TemplateCache(fs::path folder, const std::string& key)
    : folder_(std::move(folder)),
      template_(folder_ / fmt::format("{}{:016x}", kPrefix, fingerprint(key))) {}

bool TemplateCache::restore(const fs::path& data) const noexcept {
    std::error_code error;
    if (!is_ours_to_write(template_)) return false;
    fs::copy(template_, data, fs::copy_options::recursive, error);
    if (!error) fs::permissions(data, fs::perms::owner_all, error);
    if (!error) return true;
    fs::remove_all(data, error);
    return false;
}

void TemplateCache::store(const fs::path& data) const noexcept {
    std::error_code error;
    if (!make_ours(folder_)) return;
    remove_old(folder_);
    const fs::path unfinished = folder_ / (std::string(kUnfinished) + random_hex(6));
    fs::copy(data, unfinished, fs::copy_options::recursive, error);
    if (!error) fs::permissions(unfinished, fs::perms::owner_all, error);
    // Refused when another process has stored the same template meanwhile: as good.
    if (!error) fs::rename(unfinished, template_, error);
    if (error) fs::remove_all(unfinished, error);
}

void TemplateCache::drop() const noexcept {
    std::error_code error;
    fs::remove_all(template_, error);
}

}  // namespace claimstorm
