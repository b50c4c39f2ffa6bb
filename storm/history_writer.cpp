#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "storm/chunk_file.h"
#include "storm/history_codec.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{48} * 1024;
/// Chunks that may wait for the disk; then the sender waits, rather than memory growing.
constexpr std::size_t kQueueMax = 256;
constexpr int kSamplesMax = 5;
constexpr std::size_t kSampleBytes = 300;

std::string dump(const nlohmann::ordered_json& object) {
    return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

HistoryWriter::HistoryWriter(const std::filesystem::path& path, const HistoryHeader& header)
    : path_(path) {
    if (path_.empty()) return;
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (file_ < 0) {
        throw EnvironmentError(
            fmt::format("cannot create {}: {}", path.string(), std::strerror(errno)));
    }
    queue_.push_back({std::string(history_format::kFileMagic), 0});
    thread_ = std::thread([this] { write_loop(); });
    nlohmann::ordered_json first = {
        {"scenario", header.scenario},           {"seed", header.seed},
        {"user_template", header.user_template}, {"users", header.users},
        {"connections", header.connections},     {"started_at", header.started_at}};
    if (header.open_ended) first["open_ended"] = true;
    if (header.names_follow) first["names_follow"] = true;
    if (header.origin != HistoryOrigin::storm) {
        first["origin"] = header.origin == HistoryOrigin::imported ? "imported" : "none";
    }
    enqueue('H', 1, dump(first));
}

HistoryWriter::~HistoryWriter() {
    stop_thread();
    if (file_ >= 0) ::close(file_);
}

void HistoryWriter::Lane::append(const Attempt& attempt, std::string_view claim_id) {
    if (writer_->path_.empty()) return;
    history_format::encode_attempt(payload_, attempt, claim_id.substr(0, 0xFFFF), previous_due_ns_);
    ++records_;
    if (payload_.size() >= kChunkBytes) flush();
}

void HistoryWriter::Lane::flush() {
    if (records_ == 0) return;
    writer_->enqueue('A', records_, payload_);
    payload_.clear();
    records_ = 0;
    previous_due_ns_ = 0;
}

void HistoryWriter::write_names(const UserSource& users) {
    write_name_chunks([&users](const auto& take) { users.for_each_name(take); });
}

void HistoryWriter::write_names(const Names& users) {
    write_name_chunks([&users](const auto& take) {
        for (UserId user = 0; user < users.size(); ++user) take(users.name(user));
    });
}

void HistoryWriter::write_name_chunks(
    const std::function<void(const std::function<void(std::string_view)>&)>& each) {
    std::string payload;
    std::uint32_t index = 0;
    std::uint32_t records = 0;
    const auto flush = [&] {
        if (records > 0) enqueue('N', records, payload);
        payload.clear();
        records = 0;
    };
    each([&](std::string_view name) {
        if (records == 0) put_varint(payload, index);
        put_text(payload, name);
        ++index;
        ++records;
        if (payload.size() >= kChunkBytes) flush();
    });
    flush();
    if (failed()) close();
}

void HistoryWriter::add_sample(const UnmatchedSample& sample) {
    {
        const std::lock_guard lock(mutex_);
        if (path_.empty() || samples_ >= kSamplesMax) return;
        ++samples_;
    }
    enqueue(
        'S', 1,
        dump({{"http_status", sample.http_status}, {"body", sample.body.substr(0, kSampleBytes)}}));
}

bool HistoryWriter::failed() const noexcept {
    const std::lock_guard lock(mutex_);
    return error_ != 0;
}

void HistoryWriter::enqueue(char type, std::uint32_t records, const std::string& payload) {
    std::string bytes = encode_chunk(type, records, payload);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.size() < kQueueMax; });
    queue_.push_back({std::move(bytes), type == 'A' ? records : 0});
    changed_.notify_all();
}

void HistoryWriter::write_loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const Chunk chunk = std::move(queue_.front());
        queue_.pop_front();
        changed_.notify_all();
        if (error_ != 0) {
            attempts_lost_ += chunk.attempts;
            continue;
        }
        lock.unlock();
        int failed_with = 0;
        try {
            write_chunk(chunk.bytes);
        } catch (const std::system_error& error) {
            failed_with = error.code().value();
        }
        lock.lock();
        if (failed_with != 0) {
            error_ = failed_with;
            attempts_lost_ += chunk.attempts;
        } else {
            attempts_written_ += chunk.attempts;
        }
    }
}

void HistoryWriter::write_chunk(const std::string& bytes) {
    const off_t begin = ::lseek(file_, 0, SEEK_END);
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t n = ::write(file_, bytes.data() + written, bytes.size() - written);
        if (n > 0) {
            written += static_cast<std::size_t>(n);
        } else if (n < 0 && errno != EINTR) {
            const int error = errno;
            // Half a chunk is of no use to the reader: the file ends with the last whole one.
            if (begin >= 0 &&
                ::ftruncate(file_, begin) != 0) { /* the reader copes with a torn end */
            }
            throw std::system_error(error, std::generic_category());
        }
    }
}

void HistoryWriter::stop_thread() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void HistoryWriter::close(std::int64_t connections_opened) {
    if (path_.empty()) return;
    std::uint64_t attempts = 0;
    stop_thread();
    attempts = attempts_written_;
    if (error_ == 0) {
        nlohmann::ordered_json end = {{"attempts", attempts}};
        if (connections_opened >= 0) end["connections_opened"] = connections_opened;
        try {
            write_chunk(encode_chunk('E', 1, dump(end)));
            if (::fsync(file_) != 0) error_ = errno;
        } catch (const std::system_error& error) {
            error_ = error.code().value();
        }
    }
    if (error_ != 0) {
        throw EnvironmentError(
            fmt::format("writing {} failed: {}; the {} attempts recorded before are kept, {} are "
                        "lost: free some "
                        "space or choose another folder with -o, and run again",
                        path_.string(), std::strerror(error_), attempts, attempts_lost_));
    }
}

}  // namespace claimstorm
