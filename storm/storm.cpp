#include "storm/storm.h"

#include <condition_variable>
#include <ctime>
#include <exception>
#include <mutex>
#include <optional>
#include <sys/resource.h>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "model/error.h"
#include "storm/address.h"
#include "storm/history_file.h"
#include "storm/outcome_rules.h"
#include "storm/polling.h"
#include "storm/request_template.h"
#include "storm/worker.h"

namespace claimstorm {
namespace {

/// The order's texts, compiled; throws UsageError for what cannot be.
struct Compiled {
    HttpAddress address;
    std::vector<RequestTemplate> claims;  // one a campaign
    std::optional<RequestTemplate> warm_up;
    std::vector<RequestTemplate> polls;
    OutcomeRules rules;

    explicit Compiled(const StormOrder& order)
        : address(parse_base_url(order.endpoint.base_url)),
          claims(compile_all(order, order.endpoint.claim, "claim", claim_placeholders)),
          rules(order.endpoint.outcomes, order.endpoint.fields) {
        const EndpointSpec& endpoint = order.endpoint;
        if (endpoint.warm_up) {
            warm_up =
                compile(order, *endpoint.warm_up, "warm_up", order.campaign, claim_placeholders);
        }
        if (const std::string problem = poll_problem(endpoint); !problem.empty()) {
            throw UsageError("poll: " + problem);
        }
        if (!endpoint.poll) return;
        polls = compile_all(order, endpoint.poll->request, "poll", poll_placeholders);
    }

  private:
    template <typename Placeholders>
    RequestTemplate compile(const StormOrder& order, const RequestSpec& spec, const char* where,
                            const std::string& campaign, Placeholders&& placeholders) {
        return {spec,
                address.host_header(),
                address.path_prefix,
                campaign,
                where,
                placeholders(user_columns(order.endpoint))};
    }

    template <typename Placeholders>
    std::vector<RequestTemplate> compile_all(const StormOrder& order, const RequestSpec& spec,
                                             const char* where, Placeholders&& placeholders) {
        std::vector<RequestTemplate> all;
        all.reserve(1 + order.spec.other_campaigns.size());
        all.push_back(compile(order, spec, where, order.campaign, placeholders));
        for (const std::string& campaign : order.spec.other_campaigns) {
            all.push_back(compile(order, spec, where, campaign, placeholders));
        }
        return all;
    }
};

std::shared_ptr<const UserSource> users_of(const StormOrder& order) {
    return order.users ? order.users : make_user_source(order.endpoint, order.spec.users);
}

/// A connection is a file descriptor. Raises the soft limit as far as the hard one allows.
void require_open_files(std::uint32_t connections) {
    constexpr rlim_t kOthers = 64;  // logs, the history, event loops, the stores' connections
    const rlim_t needed = connections + kOthers;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
    if (limit.rlim_max >= needed) {
        limit.rlim_cur = needed;
        if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return;
    }
    throw EnvironmentError(fmt::format(
        "{} connections need {} open files, and 'ulimit -n' allows {}: run 'ulimit -n {}' before, "
        "or lower storm.connections",
        connections, needed, limit.rlim_max, needed));
}

/// Where the workers wait for one another: all ready, then one release instant for all.
class ReleaseGate {
  public:
    using OnRelease = std::function<void(Worker::Clock::time_point)>;

    ReleaseGate(std::uint32_t workers, OnRelease on_release)
        : on_release_(std::move(on_release)), waiting_for_(workers) {}

    /// A worker reports; `error` when it cannot fire. Then it waits for the verdict: the release
    /// instant, or nothing when any of them failed.
    std::optional<Worker::Clock::time_point> arrive(std::exception_ptr error) {
        std::unique_lock lock(mutex_);
        if (error && !error_) error_ = std::move(error);
        if (--waiting_for_ == 0) {
            // Far enough ahead that every worker is awake and spinning when it comes.
            release_ = Worker::Clock::now() + std::chrono::milliseconds(3);
            if (!error_ && on_release_) on_release_(release_);
            changed_.notify_all();
        }
        changed_.wait(lock, [this] { return waiting_for_ == 0; });
        return error_ ? std::nullopt : std::optional(release_);
    }

    std::exception_ptr error() {
        const std::lock_guard lock(mutex_);
        return error_;
    }

  private:
    OnRelease on_release_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint32_t waiting_for_;
    Worker::Clock::time_point release_;
    std::exception_ptr error_;
};

/// The workers' threads. Each ends by itself, bounded by what Worker promises.
class Crew {
  public:
    Crew(const WorkerJob& job, HistoryWriter& history, StormRecorder& recorder,
         const StormListener& listener)
        : gate_(job.workers, listener.on_release), running_(job.workers), recorder_(recorder) {
        for (std::uint32_t index = 0; index < job.workers; ++index) {
            threads_.emplace_back([this, &job, &history, index] { work(job, index, history); });
        }
    }
    ~Crew() { join(); }
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// False after `span` while workers are still at it.
    bool wait_for(std::chrono::milliseconds span) {
        std::unique_lock lock(mutex_);
        return ended_.wait_for(lock, span, [this] { return running_ == 0; });
    }

    void join() {
        for (std::thread& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }

    /// What a worker threw. A storm that failed half-way is an error, not a shorter storm.
    void rethrow() {
        if (gate_.error()) std::rethrow_exception(gate_.error());
        if (error_) std::rethrow_exception(error_);
    }

  private:
    void work(const WorkerJob& job, std::uint32_t index, HistoryWriter& history) {
        std::optional<Worker> worker;
        std::exception_ptr error;
        try {
            worker.emplace(job, index, history);
            worker->prepare();
            worker->load();
        } catch (...) {
            error = std::current_exception();
        }
        if (const auto release = gate_.arrive(error)) {
            try {
                worker->fire(*release);
            } catch (...) {
                const std::lock_guard lock(mutex_);
                error_ = std::current_exception();
            }
        }
        const std::lock_guard lock(mutex_);
        if (worker) recorder_.merge(worker->recorder());
        --running_;
        ended_.notify_all();
    }

    ReleaseGate gate_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::uint32_t running_;
    StormRecorder& recorder_;
    std::exception_ptr error_;
    std::vector<std::thread> threads_;
};

bool is_open_ended(const StormSpec& spec) {
    const auto* loop = std::get_if<ClosedLoop>(&spec.arrival);
    return loop != nullptr && loop->is_open_ended();
}

}  // namespace

void require_fireable(const StormOrder& order) {
    const Compiled compiled(order);
    const auto* burst = std::get_if<Burst>(&order.spec.arrival);
    const std::string problem =
        transport_problem(order.endpoint, burst != nullptr ? burst->gate : BurstGate::full);
    if (!problem.empty()) throw UsageError(problem);
}

std::string request_text(const StormOrder& order, const PlannedAttempt& planned) {
    const Compiled compiled(order);
    std::string text;
    compiled.claims[planned.campaign].render(
        text, users_of(order)->reader()->read(planned.user + 1), values_of(planned, order.seed));
    return text;
}

std::string poll_text(const StormOrder& order, const PlannedAttempt& planned,
                      std::string_view claim_id, std::string_view poll_id) {
    const Compiled compiled(order);
    std::string text;
    if (!compiled.polls.empty()) {
        ClaimValues values = values_of(planned, order.seed);
        values.claim_id = claim_id;
        values.poll_id = poll_id;
        compiled.polls[planned.campaign].render(
            text, users_of(order)->reader()->read(planned.user + 1), values);
    }
    return text;
}

std::unique_ptr<StormRecorder> run_storm(const StormOrder& order, const Plan& plan,
                                         const std::filesystem::path& history_path,
                                         const std::atomic<bool>& stop,
                                         const StormListener& listener) {
    const Compiled compiled(order);
    const std::shared_ptr<const UserSource> users = users_of(order);
    require_open_files(order.spec.connections);
    std::optional<PollJob> poll;
    if (const auto& spec = order.endpoint.poll) {
        poll.emplace(PollJob{compiled.polls, ids_needed(spec->request),
                             spec->request.method == "HEAD", spec->every.count(),
                             spec->until.count()});
    }
    const Route route = find_route(order.endpoint, order.spec);
    std::atomic<std::uint64_t> ended = 0;
    std::atomic<std::uint64_t> granted = 0;
    const WorkerJob job{order.spec,
                        plan,
                        order.seed,
                        route,
                        order.endpoint.base_url,
                        *users,
                        compiled.claims,
                        order.endpoint.claim.method == "HEAD",
                        compiled.warm_up ? &*compiled.warm_up : nullptr,
                        order.endpoint.warm_up && order.endpoint.warm_up->method == "HEAD",
                        poll,
                        compiled.rules,
                        std::min(order.spec.threads, order.spec.connections),
                        stop,
                        ended,
                        granted};
    const bool has_names = order.endpoint.csv_users.has_value();
    HistoryWriter history(
        history_path, {order.scenario, order.seed, has_names ? "" : order.endpoint.user_template,
                       order.spec.users, order.spec.connections,
                       fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))),
                       has_names, is_open_ended(order.spec)});
    auto recorder = std::make_unique<StormRecorder>();
    try {
        if (has_names && !history_path.empty()) history.write_names(*users);
        Crew crew(job, history, *recorder, listener);
        while (!crew.wait_for(std::chrono::milliseconds(100))) {
            if (listener.on_progress) listener.on_progress({ended, plan.attempts(), granted});
        }
        if (listener.on_progress) listener.on_progress({ended, plan.attempts(), granted});
        crew.join();
        crew.rethrow();
    } catch (...) {
        if (ended == 0 && !history_path.empty()) std::filesystem::remove(history_path);
        throw;
    }
    history.close(recorder->connections_opened());
    return recorder;
}

}  // namespace claimstorm
