#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace claimstorm {

enum class Verdict : std::uint8_t {
    holds,
    violated,
    inconclusive,  ///< named evidence is missing or unsettled
    skipped,       ///< the target names no such evidence, or the campaign has no use for it
};

std::string_view to_string(Verdict verdict) noexcept;
std::optional<Verdict> verdict_from(std::string_view name) noexcept;

/// How sure a violated finding is.
enum class Strength : std::uint8_t { definite, possible };

/// The users, rows, keys or attempts that prove a finding; empty members are left out of the JSON.
struct Witness {
    std::string what;  ///< one sentence: "u17 was granted twice"
    std::string user;
    std::vector<std::string> claim_ids;
    /// Indices into the history, as `claimstorm history` numbers them from 0.
    std::vector<std::uint64_t> attempts;
    std::string key;  ///< a Redis key or an SQL column
};

/// A named number of a finding, e.g. {"excess", 54}.
struct Figure {
    std::string name;
    std::int64_t value = 0;
};

/// How many witnesses a finding carries at most; `witness_count` is never capped.
inline constexpr std::size_t kWitnessesKept = 100;

/// What a check says of the evidence.
struct Finding {
    std::string check;
    Verdict verdict = Verdict::skipped;
    Strength strength = Strength::definite;
    std::string summary;  ///< one line with the numbers in it
    std::vector<Figure> figures;
    std::vector<Witness> witnesses;
    std::uint64_t witness_count = 0;
    /// Of a violated finding: what it means beside the others, in sentences for an engineer, the
    /// last of them with what to look at next.
    std::vector<std::string> diagnosis;

    /// Adds a witness: counted always, kept up to `kWitnessesKept`. `make` is called only if kept.
    template <typename Make>
    void add_witness(Make&& make) {
        if (witnesses.size() < kWitnessesKept) witnesses.push_back(std::forward<Make>(make)());
        ++witness_count;
    }
};

/// A limit on a figure of the storm, from the scenario or built in (a storm in which nothing was
/// granted proves nothing).
struct Gate {
    std::string name;
    std::string limit;  ///< as written: "< 200"
    double value = 0;
    Verdict verdict = Verdict::skipped;
    std::string summary;  ///< what to do when it is missed; may be empty
};

/// The run's verdict: violated if any is, else inconclusive if any is, else holds. All skipped is
/// inconclusive: nothing was proved. Where no check was asked for, the gates alone decide.
Verdict combine(const std::vector<Finding>& findings, const std::vector<Gate>& gates) noexcept;

}  // namespace claimstorm
