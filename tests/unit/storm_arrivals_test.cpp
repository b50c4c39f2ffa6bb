#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/arrivals.h"
#include "storm/history_file.h"
#include "storm/plan.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;

namespace {

constexpr double kSecond = 1e9;

std::vector<PlannedAttempt> attempts_of(const StormSpec& spec, std::uint64_t seed = 7) {
    const Plan plan(spec, seed);
    return first_attempts(plan, plan.attempts() + 1);
}

StormSpec spec_of(std::uint32_t users) {
    StormSpec spec;
    spec.users = users;
    spec.connections = 10;
    return spec;
}

/// The area under the stages' rate up to `seconds`, added up in small steps: another way.
double area_until(const Stages& stages, double seconds) {
    constexpr double kStep = 1e-4;
    double area = 0;
    double begin = 0;
    double from = 0;
    for (const Stage& stage : stages.stages) {
        const double span = static_cast<double>(stage.span.count()) / kSecond;
        for (double t = 0; t < span && begin + t < seconds; t += kStep) {
            const double width = std::min({kStep, span - t, seconds - begin - t});
            const double rate = from + (stage.per_second - from) * (t + width / 2) / span;
            area += rate * width;
        }
        begin += span;
        from = stage.per_second;
    }
    return area;
}

}  // namespace

TEST_CASE("stages are read and written, and what is none is refused in one line") {
    const Stages stages = parse_stages("30s@50,0s@10,1m@200/s,5s@0");
    REQUIRE(stages.stages.size() == 4);
    CHECK(stages.stages[1].span == 0s);
    CHECK(stages.stages[2].per_second == 200);
    CHECK(stages_text(stages) == "30s@50,0s@10,1m@200,5s@0");
    CHECK(stages_text(parse_stages(stages_text(stages))) == stages_text(stages));
    for (const char* text : {"", "30s", "@50", "30s@", "30s@-1", "x@50", "30s@50,", "0s@50"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_stages(text), UsageError);
    }
}

TEST_CASE("every arrival comes when the area under the rate says so, on ramps up and down") {
    const Stages stages = parse_stages("2s@50,3s@50,0s@5,4s@100,3s@0,1s@0,1s@20");
    const std::uint64_t total = arrivals_in(stages);
    CHECK(total == 50 + 150 + 210 + 150 + 10);
    TimeNs previous = -1;
    for (std::uint64_t k = 0; k < total; k += 7) {
        const TimeNs at = arrival_of(stages, k);
        CHECK(at >= previous);
        previous = at;
        CHECK(area_until(stages, static_cast<double>(at) / kSecond) ==
              Approx(static_cast<double>(k)).margin(0.02));
    }
}

TEST_CASE("a flat stage is a constant rate to the nanosecond") {
    const Stages stages = parse_stages("0s@1000,10s@1000");
    for (const std::uint64_t k : {0U, 1U, 777U, 9'999U}) {
        CHECK(arrival_of(stages, k) == static_cast<TimeNs>(k) * 1'000'000);
    }
}

TEST_CASE("a storm by stages is over with them, and one with more users than they bring is none") {
    StormSpec spec = spec_of(100);
    spec.arrival = parse_stages("2s@100");
    const Plan plan(spec, 1);
    CHECK(plan.last_due_ns() <= span_of(std::get<Stages>(spec.arrival)));
    CHECK(plan.last_due_ns() == attempts_of(spec, 1).back().due_ns);
    spec.users = 101;
    CHECK_THROWS_AS(Plan(spec, 1), UsageError);
}

TEST_CASE("Poisson arrivals have the asked rate, and distances as spread as they are long") {
    StormSpec spec = spec_of(20'000);
    spec.arrival = PoissonRate{1000};
    const auto plan = attempts_of(spec);
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 1; i < plan.size(); ++i) {
        const auto gap = static_cast<double>(plan[i].due_ns - plan[i - 1].due_ns);
        CHECK(gap >= 0);
        sum += gap;
        squares += gap * gap;
    }
    const auto count = static_cast<double>(plan.size() - 1);
    const double mean = sum / count;
    CHECK(mean == Approx(1e6).epsilon(0.03));
    CHECK(std::sqrt(squares / count - mean * mean) == Approx(mean).epsilon(0.05));
    CHECK(Plan(spec, 7).last_due_ns() == plan.back().due_ns);
}

TEST_CASE("no attempt is due after the plan's end, and the end is no later than it must be") {
    const auto spans = [](const decltype(StormSpec::arrival)& arrival) {
        StormSpec spec = spec_of(500);
        spec.arrival = arrival;
        spec.double_click = DoubleClick{1.0, 3, std::chrono::milliseconds(40)};
        const Plan plan(spec, 7);
        TimeNs last = 0;
        TimeNs last_visit = 0;
        for (Plan::Cursor cursor(plan, 0, 1); !cursor.at_end(); cursor.next()) {
            last = std::max(last, cursor.visit().last_due_ns());
            last_visit = std::max(last_visit, cursor.visit().first.due_ns);
        }
        CHECK(plan.last_due_ns() >= last);
        CHECK(plan.last_due_ns() == last_visit + 40'000'000);
    };
    spans(PoissonRate{1000});
    spans(ConstantRate{1000});
    spans(parse_stages("2s@100,3s@200"));
    spans(Burst{});
}

TEST_CASE("workers walk over the same plan whatever their number") {
    StormSpec spec = spec_of(500);
    spec.arrival = PoissonRate{1000};
    spec.double_click = DoubleClick{0.3, 3, 5ms};
    spec.hang_up = HangUp{0.1, 1ms};
    spec.other_campaigns = {"b", "c"};
    const Plan plan(spec, 42);
    const auto described = [](const PlannedVisit& visit) {
        std::string text =
            std::to_string(visit.first.due_ns) + " " + std::to_string(visit.first.user) + " " +
            std::to_string(visit.first.campaign) + (visit.first.hangs_up ? " hangs up" : "");
        for (const PlannedAttempt& click : visit.later) text += " " + std::to_string(click.due_ns);
        return text;
    };
    std::multiset<std::string> alone;
    for (Plan::Cursor all(plan, 0, 1); !all.at_end(); all.next())
        alone.insert(described(all.visit()));
    std::multiset<std::string> shared;
    for (std::size_t worker = 0; worker < 3; ++worker) {
        for (Plan::Cursor own(plan, worker, 3); !own.at_end(); own.next()) {
            shared.insert(described(own.visit()));
        }
    }
    CHECK(alone.size() == 500);
    CHECK(alone == shared);
}

TEST_CASE("hot users come as often as asked, everybody else once, and no number stands twice") {
    StormSpec spec = spec_of(100);
    spec.hot = HotUsers{3, 5};
    spec.double_click = DoubleClick{1.0, 2, 1ms};
    spec.retry = Retry{2, 10ms, 0, {Outcome::unknown}, KeyUse::same};
    const Plan plan(spec, 3);
    CHECK(plan.attempts() == 224);  // 97 once, three five times, each with two clicks
    std::map<UserId, std::set<int>> numbers;
    for (const PlannedAttempt& attempt : attempts_of(spec, 3)) {
        // The two retries of each click are planned for, too.
        for (int retry = 0; retry <= 2; ++retry) {
            CHECK(numbers[attempt.user].insert(attempt.number + 2 * retry).second);
        }
    }
    CHECK(numbers[2].size() == 30);
    CHECK(numbers[3].size() == 6);
}

TEST_CASE("exactly the asked share of users hangs up") {
    StormSpec spec = spec_of(1000);
    spec.hang_up = HangUp{0.25, 1ms};
    const auto plan = attempts_of(spec);
    CHECK(std::count_if(plan.begin(), plan.end(),
                        [](const auto& attempt) { return attempt.hangs_up; }) == 250);
}

TEST_CASE("campaigns get the shares that Zipf's law gives them") {
    StormSpec spec = spec_of(60'000);
    spec.other_campaigns = {"second", "third"};
    spec.zipf = 1;
    std::array<int, 3> count{};
    for (const PlannedAttempt& attempt : attempts_of(spec)) ++count.at(attempt.campaign);
    CHECK(count[0] == Approx(60'000 * 6 / 11.0).epsilon(0.03));
    CHECK(count[1] == Approx(60'000 * 3 / 11.0).epsilon(0.03));
    CHECK(count[2] == Approx(60'000 * 2 / 11.0).epsilon(0.03));
}

TEST_CASE("more attempts of one user than there are numbers are refused") {
    StormSpec spec = spec_of(10);
    spec.hot = HotUsers{1, 10'000};
    spec.double_click = DoubleClick{1.0, 100, 1ms};
    CHECK_THROWS_AS(Plan(spec, 1), UsageError);
}

TEST_CASE("a replay sends every attempt when it was sent before") {
    const TemporaryFolder run;
    {
        HistoryWriter history(run.path / "history.bin", {"was", 42, "u{n}", 3, 2, "then"});
        HistoryWriter::Lane lane(history);
        const auto add = [&lane](UserId user, std::uint16_t number, TimeNs due, TimeNs sent) {
            Attempt attempt;
            attempt.user = user;
            attempt.number = number;
            attempt.due_ns = due;
            attempt.sent_ns = sent;
            lane.append(attempt, {});
        };
        add(2, 1, 0, 900);
        add(0, 1, 0, 400);
        add(0, 2, 0, 700);
        add(1, 1, 800, kNever);  // never sent: its due time has to do
        lane.flush();
        history.close();
    }
    StormSpec spec = spec_of(3);
    spec.arrival = Replay{run.path.string()};
    CHECK(plan_text(Plan(spec, 1), 10) == "400 0 1\n700 0 2\n800 1 1\n900 2 1\n");
    CHECK(Plan(spec, 1).last_due_ns() == 900);
    spec.users = 2;
    CHECK_THROWS_AS(Plan(spec, 1), UsageError);
    spec.arrival = Replay{(run.path / "none").string()};
    CHECK_THROWS_AS(Plan(spec, 1), Error);
}
