#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

// How a check says what it found. `check` is the name in the table.
Finding holds(std::string_view check, std::string summary);
Finding violated(std::string_view check, std::string summary);
Finding inconclusive(std::string_view check, std::string why);
Finding skipped(std::string_view check, std::string why);

/// "1 claim", "1,540 claims". The plural is the noun with an s.
std::string counted(std::int64_t number, std::string_view noun);

/// A number inside a sum, a negative one in parentheses: "1,540", "(-54)".
std::string term(std::int64_t number);

/// The finding to return when a reading cannot be judged: skipped when the target names no `what`,
/// inconclusive when it could not be read, nullopt when it can be used.
template <typename T>
std::optional<Finding> unless_read(std::string_view check, const Reading<T>& reading,
                                   std::string_view what) {
    if (reading.is_read()) return std::nullopt;
    if (!reading.is_named()) return skipped(check, "the target names no " + std::string(what));
    return inconclusive(check, "the " + std::string(what) + " could not be read: " + reading.why());
}

/// The audit gate: inconclusive, with the reason, when the stores had not come to rest.
std::optional<Finding> unless_settled(std::string_view check, const Evidence& evidence);

/// Inconclusive when several grants and several new rows have not one user in common: then it is
/// far likelier that the column `user` spells them another way ("U1" for "u1", 7 for "007") than
/// that every single claim was lost and another one made up. Precondition: the ledger was read.
std::optional<Finding> unless_names_differ(std::string_view check, const Evidence& evidence);

/// For checks that judge the answers where they cannot judge the rows: why they cannot; empty when
/// they can.
std::string why_no_rows(const Evidence& evidence);

/// Skipped when no storm was recorded at all: there is nobody to have been told anything.
std::optional<Finding> unless_recorded(std::string_view check, const Evidence& evidence);

/// Turns a finding that holds into an inconclusive one when the end of the history is missing:
/// for properties that a missing attempt could have broken.
Finding unless_history_is_cut(const Evidence& evidence, Finding finding);

/// "; but the history is cut: …", or nothing when the history is whole.
std::string but_history_is_cut(const Evidence& evidence);

}  // namespace claimstorm
