#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "model/error.h"
#include "scenarios/run_folder.h"
#include "scenarios/starter.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

struct Flags {
    std::string file = "target.json";
    std::string url = "http://127.0.0.1:3000";
    bool force = false;
};

/// A scenario's name, and a file's, from the target file's: "shop.json" becomes "shop-burst".
std::string scenario_name(const fs::path& target) {
    constexpr std::size_t kStemMax = 50;
    std::string name = target.stem().string().substr(0, kStemMax);
    std::replace_if(
        name.begin(), name.end(),
        [](char c) {
            return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') &&
                   c != '-' && c != '_';
        },
        '-');
    return name + "-burst";
}

void require_free(const fs::path& path, bool force) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
        throw UsageError(fmt::format("'{}' is a folder; name a file in it", path.string()));
    }
    if (!force && fs::exists(path, error)) {
        throw UsageError(
            fmt::format("'{}' is there already; name another file, or add --force", path.string()));
    }
}

int init(const Flags& flags) {
    if (flags.file == "-") {
        fmt::print("{}", starter_document("starter", flags.url));
        return 0;
    }
    const fs::path target = flags.file;
    if (!target.has_filename()) {
        throw UsageError(fmt::format("'{}' is a folder; name a file in it", flags.file));
    }
    const std::string name = scenario_name(target);
    const fs::path scenario = target.parent_path() / (name + ".json");
    require_free(target, flags.force);
    require_free(scenario, flags.force);
    write_text_file(target, starter_target(flags.url));
    write_text_file(scenario, starter_scenario(name, target.filename().string()));
    fmt::print(
        "{}: how the service is reached, understood and read: make it yours\n"
        "{}: the campaign and the storm\n"
        "next:  claimstorm run {} --dry-run     shows the requests, sends nothing\n"
        "       claimstorm probe {} --prepare   sends one claim, shows how it is read\n"
        "       claimstorm run {}\n",
        target.string(), scenario.string(), scenario.string(), scenario.string(),
        scenario.string());
    return 0;
}

}  // namespace

void add_init_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command =
        app.add_subcommand("init", "Write a target file to start from, and a scenario beside it");
    command
        ->add_option("file", flags->file,
                     "The target file; '-' prints one scenario with the target inside")
        ->capture_default_str();
    command->add_option("--url", flags->url, "Where the service listens")
        ->capture_default_str()
        ->envname("CLAIMSTORM_URL");
    command->add_flag("--force", flags->force, "Overwrite what is there");
    command->callback([flags, &chosen] { chosen = [flags] { return init(*flags); }; });
}

}  // namespace claimstorm
