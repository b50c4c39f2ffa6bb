// How long a lab takes to start, without and with a cached template, and how much disk a fresh one
// takes. Cold and cached starts alternate, so that a machine whose speed drifts treats both alike.

#include "lab/lab.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 9;

double seconds_to_start(const claimstorm::LabOptions& options, std::uintmax_t* disk_bytes) {
    const auto begin = Clock::now();
    const claimstorm::Lab lab(options);
    const std::chrono::duration<double> took = Clock::now() - begin;
    if (disk_bytes != nullptr) {
        *disk_bytes = 0;
        for (const auto& entry : fs::recursive_directory_iterator(lab.folder())) {
            if (entry.is_regular_file()) *disk_bytes += entry.file_size();
        }
    }
    return took.count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void print_row(const char* name, const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    fmt::print("{:<34} {:>7.2f} {:>7.2f} {:>7.2f}\n", name, *low, median(values), *high);
}

int measure() {
    const claimstorm::test::TemporaryFolder folder;
    claimstorm::LabOptions options;
    options.root = folder.path / "labs";
    options.cache = folder.path / "cache";
    std::vector<double> cold;
    std::vector<double> cached;
    std::uintmax_t disk_bytes = 0;
    for (int round = 0; round < kRounds; ++round) {
        fs::remove_all(options.cache);
        cold.push_back(seconds_to_start(options, nullptr));
        cached.push_back(seconds_to_start(options, &disk_bytes));
    }
    fmt::print("{} rounds, seconds                    min  median     max\n", kRounds);
    print_row("cold start (makes the template)", cold);
    print_row("start from the cached template", cached);
    fmt::print("disk of a fresh lab: {:.1f} MB\n", static_cast<double>(disk_bytes) / 1e6);
    return 0;
}

}  // namespace

int main() {
    try {
        return measure();
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_lab: {}\n", error.what());
        return 3;
    }
}
