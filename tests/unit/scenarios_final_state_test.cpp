#include <catch2/catch.hpp>

#include "scenarios/final_state.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace std::chrono_literals;

namespace {

/// A counter that says 6 as often as it is told to, and then 5: it moves when it is read.
struct MovingCounter {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    MovingCounter() {
        drop();
        mysql.execute_text("CREATE SEQUENCE moving START WITH 1 CACHE 1");
    }
    ~MovingCounter() { drop(); }
    MovingCounter(const MovingCounter&) = delete;
    MovingCounter& operator=(const MovingCounter&) = delete;
    void drop() { mysql.execute_text("DROP SEQUENCE IF EXISTS moving"); }

    static Evidence read(int times) {
        EvidenceSpec spec;
        spec.mysql = MysqlEvidenceSpec{parse_mysql_url(shared_lab().mysql_url())};
        spec.mysql->stock = {
            {"SELECT IF(NEXTVAL(moving) <= " + std::to_string(times) + ", 6, 5) AS remaining"}};
        EvidenceReader reader(spec, Campaign{});
        Evidence evidence;
        const std::atomic<bool> stop{false};
        read_final_state(evidence, reader, {10ms, 1s}, stop);
        return evidence;
    }
};

}  // namespace

TEST_CASE("stores that had settled and move while they are read are not settled") {
    // Two readings settle it, the third stands before the snapshot.
    const MovingCounter counter;
    const Evidence evidence = MovingCounter::read(3);
    CHECK_FALSE(evidence.settlement.settled);
    CHECK(evidence.settlement.why_not ==
          "the stores changed while they were read: mysql.remaining went from 6 to 5");
}

TEST_CASE("stores that stay as they are while they are read are settled") {
    const MovingCounter counter;
    CHECK(MovingCounter::read(1000).settlement.settled);
}
