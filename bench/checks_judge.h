#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/checks_stores.h"

namespace claimstorm::bench {

/// One step on the way to a verdict.
struct Phase {
    std::string name;
    double seconds = 0;
    double peak_mb = 0;  ///< the process's, up to its end; 0 where it is not the judge's own
};

/// What a judge said, and what it took.
struct Judgement {
    std::string verdict;
    std::vector<Phase> phases;

    double seconds() const;
};

/// What is to be judged: a folder with the history, and the stores.
struct Case {
    std::filesystem::path folder;
    std::string mysql_url;
    std::string redis_url;
    std::int64_t claims = 0;
    bool save = false;  ///< also write evidence.json and ledger.bin, as `run` does
};

/// Judges in this process, from the history and the stores to the verdict: what `run` does once a
/// storm is over. Throws Error.
Judgement judge_here(const Case& of);

/// As one line of JSON, and back. Throws EnvironmentError for what is none.
std::string to_line(const Judgement& judgement);
Judgement judgement_from(const std::string& line);

/// The same questions put to the stores by hand: the log and the cache's set are loaded into tables
/// and joined. Answers as many of them as fit into SQL: too many rows, more than one a user, told
/// yes without a row, a row without a yes, and the cache's set against the rows.
Judgement judge_by_hand(const Case& of);

}  // namespace claimstorm::bench
