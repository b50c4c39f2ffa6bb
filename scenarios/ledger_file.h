#pragma once

#include <filesystem>
#include <string>

#include "model/evidence.h"

namespace claimstorm {

/// ledger.bin: the rows, the payouts and the cache's users of both snapshots, in checksummed
/// chunks, so that a run of ten million claims can be judged again without its stores.
/// (evidence.json has the counters.) Only what was read is in it.
///
///   types   : 'b' baseline rows · 'f' final rows · 'c' baseline cache users ·
///             'd' final cache users · 'p' baseline payouts · 'q' final payouts ·
///             'E' the closing chunk, empty
///   row     = flags u8 · user text · [claim id text] · [ticket] · [amount] varints
///   user    = text
///   payout  = flags u8 · amount varint · [claim id text] · [user text]
/// Throws EnvironmentError.
void write_ledger_file(const std::filesystem::path& path, const Evidence& evidence);

/// Fills the ledgers, payouts and cache users of both snapshots that stand there as read (and
/// empty) from evidence.json. Where the file is damaged, missing or none, they become Unreadable.
void read_ledger_file(const std::filesystem::path& path, Evidence& evidence);

}  // namespace claimstorm
