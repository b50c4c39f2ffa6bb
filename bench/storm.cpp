// claimstorm's load engine against its peers, in one run, the programs taking turns, medians.
//
//   ./dev bench storm [--rounds N] [--only a,c] [--quick] [--write docs]
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/storm_measurements.h"
#include "cli/signals.h"
#include "model/error.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace claimstorm;
using namespace claimstorm::bench;
namespace fs = std::filesystem;

struct Flags {
    int rounds = 5;
    int seconds = 5;
    bool quick = false;
    std::vector<std::string> only;
    std::string docs;
    std::string claimstorm = CLAIMSTORM_PROGRAM;
};

struct Part {
    std::vector<std::string> letters;
    std::function<std::vector<Measurement>(const StormBench&)> measure;
};

const std::vector<Part>& parts() {
    static const std::vector<Part> all = {
        {{"a", "b"}, measure_load},     {{"c"}, measure_lag},   {{"d"}, measure_release},
        {{"e"}, measure_single_packet}, {{"f"}, measure_races}, {{"g"}, measure_memory},
        {{"h"}, measure_scale}};
    return all;
}

bool wanted(const Part& part, const std::vector<std::string>& only) {
    return only.empty() ||
           std::any_of(part.letters.begin(), part.letters.end(), [&](const std::string& letter) {
               return std::find(only.begin(), only.end(), letter) != only.end();
           });
}

/// Servers and clients need a descriptor a connection; what they may have is inherited from here.
void allow_many_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void report(const Measurement& measurement, const Flags& flags) {
    fmt::print("\n{}. {}\n\n{}", measurement.letter, measurement.title,
               measurement_text(measurement));
    std::fflush(stdout);
    if (!flags.docs.empty()) write_measurement(flags.docs, measurement);
}

int bench_storm(const Flags& flags) {
    const std::atomic<bool>& stop = stop_on_signals();
    allow_many_files();
    const test::TemporaryFolder folder;
    fs::create_directory(folder.path / "servers");
    fs::create_directory(folder.path / "clients");
    const Peers peers(folder.path / "clients", flags.claimstorm, stop);
    Effort effort;
    effort.rounds = flags.quick ? 1 : flags.rounds;
    effort.duration = std::chrono::seconds(flags.quick ? 1 : flags.seconds);
    effort.quick = flags.quick;
    const StormBench bench{peers, folder.path / "servers", effort};
    int status = 0;
    for (const Part& part : parts()) {
        if (!wanted(part, flags.only)) continue;
        try {
            for (const Measurement& measurement : part.measure(bench)) report(measurement, flags);
        } catch (const EnvironmentError& error) {
            fmt::print(stderr, "bench_storm: {} not measured: {}\n", fmt::join(part.letters, ", "),
                       error.what());
            status = error.exit_status();
        }
    }
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    Flags flags;
    CLI::App app("claimstorm's load engine against its peers.", "bench_storm");
    app.add_option("--rounds", flags.rounds)->check(CLI::Range(1, 100))->capture_default_str();
    app.add_option("--seconds", flags.seconds, "How long a load takes")
        ->check(CLI::Range(1, 600))
        ->capture_default_str();
    app.add_flag("--quick", flags.quick, "One round of one second: to see that it works");
    app.add_option("--only", flags.only, "Which measurements, as in a,c,d")
        ->delimiter(',')
        ->check(CLI::IsMember({"a", "b", "c", "d", "e", "f", "g", "h"}));
    app.add_option("--claimstorm", flags.claimstorm, "The program under test")
        ->check(CLI::ExistingFile);
    app.add_option("--write", flags.docs, "Rewrite tables and pictures in this folder")
        ->check(CLI::ExistingDirectory);
    CLI11_PARSE(app, argc, argv);
    try {
        return bench_storm(flags);
    } catch (const Error& error) {
        fmt::print(stderr, "bench_storm: {}\n", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_storm: {}\n", error.what());
        return 3;
    }
}
