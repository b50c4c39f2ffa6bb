#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace claimstorm {

/// The program's path: `name` itself when it holds a slash, else the first of PATH and the folders
/// for daemons, which an ordinary user's PATH leaves out. Throws EnvironmentError, naming the
/// Debian package to install, when there is none.
std::filesystem::path find_program(const std::string& name, const std::string& package);

/// What a lab's servers see of the environment: nothing that could change how they behave, and a
/// home in the lab's folder.
std::vector<std::string> server_environment(const std::filesystem::path& lab_folder);

}  // namespace claimstorm
