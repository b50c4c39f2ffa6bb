#pragma once

#include <filesystem>
#include <string>

namespace claimstorm {

/// A run's folder while it is being filled. One that was made and never kept is removed again, so
/// that a run which could not begin leaves nothing behind.
class RunFolder {
  public:
    /// `wanted` empty: runs/<UTC time>-<scenario name>/, counted up if taken. Else that folder,
    /// which must not exist yet or be empty. Throws UsageError or EnvironmentError.
    RunFolder(const std::filesystem::path& wanted, const std::string& scenario_name);
    ~RunFolder();
    RunFolder(const RunFolder&) = delete;
    RunFolder& operator=(const RunFolder&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    /// From here on the folder stays, whatever happens: there is a history in it.
    void keep() noexcept { kept_ = true; }

  private:
    std::filesystem::path path_;
    bool kept_ = false;
    bool existed_ = false;
};

/// Writes a whole file by way of a temporary one, so that a reader sees all of it or none.
/// Throws EnvironmentError.
void write_text_file(const std::filesystem::path& path, const std::string& text);

}  // namespace claimstorm
