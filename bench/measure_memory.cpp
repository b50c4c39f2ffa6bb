// g: what ten million attempts leave on disk and take of memory.
#include <filesystem>

#include <fmt/format.h>

#include "bench/nginx.h"
#include "bench/storm_measurements.h"

namespace claimstorm::bench {
namespace {

constexpr int kConnections = 64;
constexpr double kMegabyte = 1e6;

struct Amount {
    std::int64_t attempts;
    const char* text;
};

std::optional<double> bytes_an_attempt(const LoadRun& load, const std::filesystem::path& run) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(run / "history.bin", error);
    const std::int64_t attempts = load.answered + load.failed;
    if (error || attempts == 0) return std::nullopt;
    return static_cast<double>(bytes) / static_cast<double>(attempts);
}

}  // namespace

std::vector<Measurement> measure_memory(const StormBench& bench) {
    Measurement memory{"g", "History on disk and peak memory", "figure", 1};
    const Amount few = bench.effort.quick ? Amount{10'000, "10,000 attempts"}
                                          : Amount{1'000'000, "1 million attempts"};
    const Amount many = bench.effort.quick ? Amount{100'000, "100,000 attempts"}
                                           : Amount{10'000'000, "10 million attempts"};
    const std::string disk = "claimstorm: bytes an attempt on disk";
    const std::string rss = "claimstorm: peak memory, MB";
    const Nginx nginx(bench.folder, kConnections);
    for (const Amount& amount : {few, many}) {
        LoadOrder order;
        order.url = nginx.url();
        order.connections = kConnections;
        order.requests = amount.attempts;
        const LoadRun load = bench.peers.fire(Tool::claimstorm, order);
        Row& on_disk = memory.row(amount.text, disk);
        add_sample(on_disk, load, bytes_an_attempt(load, bench.peers.run_folder()));
        tell(memory.letter, 0, on_disk);
        Row& peak = memory.row(amount.text, rss);
        add_sample(peak, load, static_cast<double>(load.run.rss_max_bytes) / kMegabyte);
        tell(memory.letter, 0, peak);
    }
    const auto at_few = memory.median_of(few.text, rss);
    const auto at_many = memory.median_of(many.text, rss);
    memory.goals.push_back({fmt::format("on disk, {}", many.text),
                            memory.median_of(many.text, disk), 100, false, "bytes"});
    memory.goals.push_back({fmt::format("memory, {}", many.text), at_many, 300, false, "MB"});
    Goal flat{fmt::format("memory, {} / {}", many.text, few.text), std::nullopt, 1.5};
    if (at_few && at_many) flat.value = *at_many / *at_few;
    memory.goals.push_back(flat);
    return {memory};
}

}  // namespace claimstorm::bench
