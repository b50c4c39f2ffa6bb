#pragma once

#include "lab/lab.h"

namespace claimstorm {

/// One private Redis and MariaDB for all tests of a process, started by the first that asks.
/// Called from the main thread first: the lab ends with the thread that made it.
inline Lab& shared_lab() {
    static Lab lab;
    return lab;
}

}  // namespace claimstorm
