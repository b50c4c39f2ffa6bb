#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "reference_server/context.h"

namespace claimstorm::reference {

/// An event that is going on has an id table of its own, `envelope_ids_<number>`, with two columns:
/// id, AUTO_INCREMENT from 1, and user_id, unique. Which event has which table is said by
/// `envelope_id_tables`; a number is never given again.
///
/// Whoever asks for an event's winners looks into the view `envelope_winners` (campaign_id,
/// user_id, number, amount_cents), which puts together the archived owners in `envelopes` and the
/// id tables of all open events. An event passes from one to the other with one COMMIT, so the view
/// answers the same before it and after it.
struct IdTable {
    explicit IdTable(std::int64_t its_number);

    std::int64_t number;
    std::string name;  ///< "envelope_ids_7"
};

/// As many events may be going on at once: the view names each of their tables.
inline constexpr std::int64_t kMostOpenEvents = 32;

/// Makes the registry and the view, and clears away what a crash left half made or half dropped.
void create_id_tables(MysqlConnection& mysql);

/// Gives the campaign an empty id table, in place of any it has. Throws BadRequest when
/// kMostOpenEvents others are open.
void open_id_table(MysqlConnection& mysql, std::string_view campaign);

/// Archives the winners in `envelopes` and drops the id table. Waits until no transaction that has
/// asked `is_open` is under way. Of an event that is closed already, nothing changes.
void close_id_table(MysqlConnection& mysql, std::string_view campaign);

/// Whether the event is open and will stay so until the connection's transaction ends.
bool is_open(MysqlConnection& mysql, const IdTable& table, std::string_view campaign);

/// 1146: the table was dropped, the event is over.
bool is_table_gone(const MysqlError& error) noexcept;

/// What this process knows of an open event.
struct OpenEvent {
    explicit OpenEvent(IdTable its_table) : table(std::move(its_table)) {}

    IdTable table;
    /// Set once all numbers were seen committed: nothing is ever given back, so it stays true.
    std::atomic<bool> all_gone{false};
};

/// The open events by campaign, so that a claim need not ask the database for its table. Safe for
/// all workers.
class OpenEvents {
  public:
    using Entry = std::shared_ptr<OpenEvent>;

    /// From memory, else from the registry; null when the event is not open. Throws MysqlError.
    Entry find(MysqlConnection& mysql, std::string_view campaign);
    void forget(std::string_view campaign);

  private:
    std::mutex mutex_;
    std::map<std::string, Entry, std::less<>> known_;
};

}  // namespace claimstorm::reference
