#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storm/user_source.h"

namespace claimstorm {

/// The columns that the file's first row names: placeholders, so each is made of small letters,
/// digits and '_', stands once, and is none of claimstorm's own. Throws UsageError.
std::vector<std::string> read_csv_columns(const std::string& path);

/// Throws UsageError unless one of the columns holds the users' names.
void require_name_column(const CsvUsers& spec);

/// The file's first `size` rows below the column names. They are read through once, to see that all
/// have as many fields as the first and a name of their own, and never held: what is kept is where
/// every 16th row begins (half a byte a user), and readers fetch the few rows around the one
/// wanted. Names are compared by 64-bit hashes, four million at a time (32 MiB, while this runs);
/// beyond that many users the file is read once more for each further four million. Throws
/// UsageError naming file and line.
std::shared_ptr<const UserSource> make_csv_users(const CsvUsers& spec, std::uint32_t size);

}  // namespace claimstorm
