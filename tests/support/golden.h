#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <catch2/catch.hpp>

namespace claimstorm::test {

/// Compares `text` with tests/golden/`name`. With CLAIMSTORM_UPDATE_GOLDEN=1 in the environment it
/// writes the file instead: look at the difference before you commit it.
inline void check_golden(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(CLAIMSTORM_GOLDEN_DIR) / name;
    const char* update = std::getenv("CLAIMSTORM_UPDATE_GOLDEN");
    if (update != nullptr && std::string(update) == "1") {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }
    std::ostringstream golden;
    golden << std::ifstream(path, std::ios::binary).rdbuf();
    INFO("golden file " << path << "; CLAIMSTORM_UPDATE_GOLDEN=1 rewrites it");
    CHECK(text == golden.str());
}

}  // namespace claimstorm::test
