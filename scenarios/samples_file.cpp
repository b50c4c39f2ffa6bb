#include "scenarios/samples_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <limits>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "scenarios/json_place.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

/// A line with four reasons why nothing could be read is some 1,000 bytes long.
constexpr std::size_t kLongestLine = std::size_t{64} * 1024;

void put(ordered_json& json, const char* key, const Reading<std::int64_t>& reading) {
    if (!reading.is_named()) return;
    if (reading.is_read()) {
        json[key] = *reading;
        return;
    }
    json[key]["unreadable"] = reading.why();
    if (reading.is_absent()) json[key]["absent"] = true;
}

std::string line_of(const StoreSample& sample) {
    ordered_json json = {{"begun_ns", sample.begun_ns}, {"ended_ns", sample.ended_ns}};
    put(json, "backlog_before", sample.backlog_before);
    put(json, "rows", sample.rows);
    put(json, "backlog_after", sample.backlog_after);
    put(json, "cache_remaining", sample.cache_remaining);
    if (!sample.backlog_at_once) json["backlog_at_once"] = false;
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Reading<std::int64_t> get(const JsonPlace& place, const char* key, std::int64_t least) {
    const auto found = place.find(key);
    if (!found) return {};
    if (!found->value().is_object()) {
        if (!found->value().is_number_integer()) found->fail("a whole number is wanted here");
        return found->count(least);
    }
    found->require_keys({"unreadable", "absent"});
    const auto absent = found->find("absent");
    return Unreadable{found->at("unreadable").string(), absent && absent->boolean()};
}

TimeNs instant(const JsonPlace& place) {
    // Beyond some 146 years differences of two no longer fit.
    constexpr TimeNs kFurthest = std::numeric_limits<TimeNs>::max() / 2;
    if (!place.value().is_number_integer()) place.fail("a whole number is wanted here");
    return place.count(-kFurthest, kFurthest);
}

StoreSample sample_from(const JsonPlace& place) {
    constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::min();
    place.require_keys({"begun_ns", "ended_ns", "backlog_before", "rows", "backlog_after",
                        "cache_remaining", "backlog_at_once"});
    StoreSample sample;
    sample.begun_ns = instant(place.at("begun_ns"));
    sample.ended_ns = instant(place.at("ended_ns"));
    sample.backlog_before = get(place, "backlog_before", 0);
    sample.rows = get(place, "rows", 0);
    sample.backlog_after = get(place, "backlog_after", 0);
    sample.cache_remaining = get(place, "cache_remaining", kAny);
    if (const auto at_once = place.find("backlog_at_once")) {
        sample.backlog_at_once = at_once->boolean();
    }
    return sample;
}

/// The sample of one line. `where` is its file and line.
StoreSample parse_line(const std::string& line, const std::string& where) {
    nlohmann::json document;
    try {
        document = nlohmann::json::parse(line);
    } catch (const nlohmann::json::exception& error) {
        throw UsageError(fmt::format(
            "{}: not JSON; take the line out, or the whole file to judge without it", where));
    }
    return sample_from(JsonPlace(document, where));
}

}  // namespace

SamplesWriter::SamplesWriter(std::filesystem::path path)
    : path_(std::move(path)),
      file_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666)) {
    if (file_ >= 0) return;
    throw EnvironmentError(
        fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
}

SamplesWriter::~SamplesWriter() {
    ::close(file_);
}

void SamplesWriter::add(const StoreSample& sample) {
    const std::string line = line_of(sample);
    ssize_t written = 0;
    do {
        written = ::write(file_, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    if (written == static_cast<ssize_t>(line.size())) return;
    throw EnvironmentError(fmt::format("cannot write {}: {}", path_.string(),
                                       written < 0 ? std::strerror(errno) : "the disk is full"));
}

WatchedSamples read_samples(std::istream& lines, const std::string& name) {
    WatchedSamples watched;
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        const std::string where = fmt::format("{}:{}", name, number);
        if (lines.eof()) {
            watched.cut = fmt::format("{}: the last line is cut off and left out", kSamplesFile);
            break;
        }
        if (line.size() > kLongestLine) {
            throw UsageError(
                fmt::format("{}: {} bytes are no sample; take the line out", where, line.size()));
        }
        const StoreSample sample = parse_line(line, where);
        const TimeNs earliest =
            watched.samples.empty() ? sample.begun_ns : watched.samples.back().ended_ns;
        if (sample.begun_ns < earliest || sample.ended_ns < sample.begun_ns) {
            throw UsageError(fmt::format(
                "{}: {} to {} ns is no time after the line above; put the lines in order", where,
                sample.begun_ns, sample.ended_ns));
        }
        watched.samples.push_back(sample);
    }
    if (lines.bad()) throw UsageError(fmt::format("cannot read {}", name));
    return watched;
}

std::optional<WatchedSamples> read_samples(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / kSamplesFile;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return std::nullopt;
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        throw UsageError(fmt::format("cannot read {}: {}", path.string(), std::strerror(errno)));
    }
    return read_samples(in, path.string());
}

}  // namespace claimstorm
