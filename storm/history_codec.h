#pragma once

#include <string>
#include <string_view>

#include "model/history.h"

/// The payloads of history.bin, version 1 (the framing is chunk_file.h's).
///
///   types  : 'H' one JSON object (scenario, seed, user template …), the first chunk
///            'A' attempts, each as below, deltas starting anew in every chunk
///            'S' one JSON object: a response that no outcome rule fitted
///            'E' one JSON object: the number of attempts; written last, so its absence means
///                that the tail is missing
///   attempt= flags u8 · outcome u8 · [other campaign varint] · user varint · [number varint] ·
///   [transport error u8] ·
///            status varint · due (difference to the previous attempt's) · [sent − due] ·
///            [first byte − sent] · [done − first byte] · [claim id] · [ticket] · [amount]
namespace claimstorm::history_format {

inline constexpr std::string_view kFileMagic = "claimstorm history 1\n";

/// Appends one attempt; `previous_due_ns` is the delta base, 0 at the start of a chunk.
void encode_attempt(std::string& out, const Attempt& attempt, std::string_view claim_id,
                    TimeNs& previous_due_ns);

/// Takes one attempt off the front of `bytes`; false when they are not one (a foreign writer's).
/// `claim_id` views into `bytes`.
bool decode_attempt(std::string_view& bytes, Attempt& attempt, std::string_view& claim_id,
                    TimeNs& previous_due_ns);

}  // namespace claimstorm::history_format
