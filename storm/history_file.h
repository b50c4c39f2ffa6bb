#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "model/history.h"
#include "model/names.h"
#include "storm/user_source.h"

namespace claimstorm {

/// What the first chunk of history.bin says about the storm it records.
struct HistoryHeader {
    std::string scenario;
    std::uint64_t seed = 0;
    std::string user_template;  ///< names user index i as this template does for n = i + 1
    std::uint32_t users = 0;
    std::uint32_t connections = 0;
    std::string started_at;  ///< UTC, ISO 8601
    /// The users have names of their own, which follow in chunks; the template says nothing.
    bool names_follow = false;
    bool open_ended = false;  ///< as many users as had come when the time was over: `users` at most
    HistoryOrigin origin = HistoryOrigin::storm;
};

/// A response that no outcome rule fitted, kept so that the rules can be mended.
struct UnmatchedSample {
    int http_status = 0;
    std::string body;  ///< its beginning
};

/// Writes history.bin while the storm runs. Each worker thread has a lane of its own; a writer
/// thread puts finished chunks into the file, so that a slow disk never delays a send. What has
/// been handed over survives `kill -9` of the program.
class HistoryWriter {
  public:
    /// Creates the file; throws EnvironmentError if that cannot be done. An empty path: nothing is
    /// kept.
    HistoryWriter(const std::filesystem::path& path, const HistoryHeader& header);
    /// Ends the writer thread without the closing chunk (the reader will miss the tail).
    ~HistoryWriter();
    HistoryWriter(const HistoryWriter&) = delete;
    HistoryWriter& operator=(const HistoryWriter&) = delete;

    /// One worker's buffer. Used by one thread at a time; must not outlive the writer.
    class Lane {
      public:
        explicit Lane(HistoryWriter& writer) : writer_(&writer) {}
        void append(const Attempt& attempt, std::string_view claim_id);
        /// Hands over what has gathered; called at least every 100 ms while the storm runs.
        void flush();

      private:
        HistoryWriter* writer_;
        std::string payload_;
        std::uint32_t records_ = 0;
        TimeNs previous_due_ns_ = 0;
    };

    /// Writes the names of all users, which a header with `names_follow` announces, ahead of the
    /// attempts. Throws EnvironmentError when the disk has refused some of it.
    void write_names(const UserSource& users);

    /// The same for users who are known only when all attempts have been written.
    void write_names(const Names& users);

    /// Keeps the first few samples only. Thread-safe.
    void add_sample(const UnmatchedSample& sample);

    /// True once a chunk could not be written (disk full): sending more would lose evidence.
    bool failed() const noexcept;

    /// Writes what is queued and the closing chunk. Throws EnvironmentError when the disk refused
    /// any of it; the chunks before are kept, and the message says how many attempts they hold.
    void close(std::int64_t connections_opened = -1);

  private:
    void enqueue(char type, std::uint32_t records, const std::string& payload);
    /// `each` calls what it is given with every name, in the order of their ids.
    void write_name_chunks(
        const std::function<void(const std::function<void(std::string_view)>&)>& each);
    void write_loop();
    void write_chunk(const std::string& bytes);
    void stop_thread();

    std::filesystem::path path_;
    int file_ = -1;
    struct Chunk {
        std::string bytes;
        std::uint32_t attempts = 0;
    };
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Chunk> queue_;
    bool stopping_ = false;
    int error_ = 0;  // errno of the first failed write
    std::uint64_t attempts_written_ = 0;
    std::uint64_t attempts_lost_ = 0;
    int samples_ = 0;
    std::thread thread_;
};

/// What a history file holds.
struct HistoryContents {
    HistoryHeader header;
    History history;
    std::vector<UnmatchedSample> samples;
};

/// Gives user i of a storm (n = i + 1) the id i. Precondition: `names` is empty or begins with
/// these names. Throws UsageError when two users have one name.
void intern_storm_users(const UserSource& users, Names& names);

/// `claim_id` is empty when the attempt has none, and views the file during the call.
using TakeAttempt = std::function<void(const Attempt& attempt, std::string_view claim_id)>;

/// Reads history.bin piece by piece, keeping no attempt: calls `take` for each in the order of the
/// file, with a user that has a name by then and with no `Attempt::claim_id`. All else is as in
/// `read_history`; `history.attempts` stays empty. Takes the memory of the names.
HistoryContents for_each_attempt(const std::filesystem::path& path, Names& names,
                                 const TakeAttempt& take);

/// Reads history.bin. A missing tail or a damaged chunk is told in `history.missing_tail`, and what
/// is sound is returned. Names go to `names` (as by `intern_storm_users`), claim ids to `texts`.
/// Throws EnvironmentError when the file cannot be opened, UsageError when it is no history at all.
HistoryContents read_history(const std::filesystem::path& path, Names& names, TextPool& texts);

}  // namespace claimstorm
