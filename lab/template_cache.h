#pragma once

#include <filesystem>
#include <string>

namespace claimstorm {

/// Where templates are kept: `asked` if not empty, else $XDG_CACHE_HOME/claimstorm, else
/// ~/.cache/claimstorm; `fallback` when none of these belongs to this user and can be written to.
std::filesystem::path template_cache_folder(const std::filesystem::path& asked,
                                            const std::filesystem::path& fallback);

/// A freshly made database folder, kept so that the next lab copies it rather than makes it anew.
/// A cache only: whatever goes wrong in it costs time, never a lab.
class TemplateCache {
  public:
    /// `key` names everything that decides what such a folder looks like.
    TemplateCache(std::filesystem::path folder, const std::string& key);

    /// Copies the template to `data`, which must not exist. False, and no `data`, when there is
    /// none or it cannot be copied.
    bool restore(const std::filesystem::path& data) const noexcept;
    /// Keeps a copy of `data`, in one step: nobody ever sees half a template.
    void store(const std::filesystem::path& data) const noexcept;
    /// Forgets a template that turned out to be damaged.
    void drop() const noexcept;

  private:
    std::filesystem::path folder_;
    std::filesystem::path template_;
};

}  // namespace claimstorm
