#include "lab/lab.h"

#include <optional>
#include <sys/statvfs.h>

#include <fmt/format.h>

#include "lab/lab_folder.h"
#include "lab/mariadb_server.h"
#include "lab/programs.h"
#include "lab/redis_server.h"
#include "model/error.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPasswordBytes = 16;
constexpr std::uint64_t kMegabyte = 1 << 20;
constexpr std::uint64_t kNeededMegabytes = 64;

/// A full disk is told plainly here, rather than by whatever it makes a server say.
void check_space(const fs::path& folder) {
    struct statvfs space {};
    if (::statvfs(folder.c_str(), &space) != 0) return;
    const std::uint64_t free = space.f_bavail * space.f_frsize / kMegabyte;
    if (free >= kNeededMegabytes) return;
    throw EnvironmentError(
        fmt::format("only {} MB are free in {}, a lab takes {} MB: free some, or name another "
                    "folder with CLAIMSTORM_LAB_DIR",
                    free, folder.parent_path().string(), kNeededMegabytes));
}

/// True when the data came from a template, which might be damaged.
bool provide_data(const MariadbPlace& place, const TemplateCache& templates,
                  const StartLimits& limits) {
    if (templates.restore(place.folder / "data")) return true;
    make_mariadb_data(place, limits);
    templates.store(place.folder / "data");
    return false;
}

}  // namespace

struct Lab::Parts {
    explicit Parts(const fs::path& root) : folder(root) {}
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    ~Parts();

    // When it ends, the servers go first and the folder last.
    LabFolder folder;
    LabRecord record;
    std::optional<Server> redis;
    std::optional<Server> mariadb;

    void start(const LabOptions& options, const fs::path& redis_program,
               const fs::path& mariadb_program);
    void start_mariadb(const MariadbPlace& place, const MariadbPasswords& passwords,
                       const TemplateCache& templates, const StartLimits& limits);
    void note_servers();
};

Lab::Parts::~Parts() {
    // No orderly shutdown: nothing they could still write would outlive the folder.
    if (!folder.is_ours()) return;
    if (mariadb) mariadb->process().kill();
    if (redis) redis->process().kill();
}

void Lab::Parts::start(const LabOptions& options, const fs::path& redis_program,
                       const fs::path& mariadb_program) {
    const StartLimits limits{std::chrono::steady_clock::now() + options.start_timeout,
                             options.start_timeout, options.cancelled};
    record = read_record(folder.path()).value();
    record.kept = options.kept;
    check_space(folder.path());

    // Redis comes up while MariaDB's data is made.
    const std::string redis_password = random_hex(kPasswordBytes);
    redis.emplace(
        redis_plan(redis_program, folder.path() / "redis", redis_password, options.redis_options),
        folder.root());
    note_servers();

    const MariadbPlace place{mariadb_program, folder.path() / "mariadb", options.mariadb_options};
    const MariadbPasswords passwords{random_hex(kPasswordBytes), random_hex(kPasswordBytes)};
    fs::create_directory(place.folder);
    fs::create_directory(place.folder / "tmp");
    const fs::path cache = template_cache_folder(options.cache, folder.root() / ".labs-templates");
    start_mariadb(place, passwords, mariadb_templates(place, cache), limits);
    redis->wait_until_ready(limits);
    forget_mariadb_passwords(place);

    record.redis_url = fmt::format("redis://:{}@127.0.0.1:{}/0", redis_password, redis->port());
    record.mysql_url = fmt::format("mysql://claimstorm:{}@127.0.0.1:{}/claimstorm",
                                   passwords.claimstorm, mariadb->port());
    record.auditor_url = fmt::format("mysql://auditor:{}@127.0.0.1:{}/claimstorm",
                                     passwords.auditor, mariadb->port());
    record.ready = true;
    note_servers();
}

void Lab::Parts::start_mariadb(const MariadbPlace& place, const MariadbPasswords& passwords,
                               const TemplateCache& templates, const StartLimits& limits) {
    for (bool last_try = false;; last_try = true) {
        const bool from_template = provide_data(place, templates, limits);
        mariadb.emplace(mariadb_plan(place, passwords), folder.root());
        note_servers();
        try {
            mariadb->wait_until_ready(limits);
            return;
        } catch (const EnvironmentError&) {
            if (from_template) templates.drop();
            if (!from_template || last_try || limits.passed()) throw;
            mariadb.reset();
            fs::remove_all(place.folder / "data");
        }
    }
}

void Lab::Parts::note_servers() {
    record.servers.clear();
    for (std::optional<Server>* server : {&redis, &mariadb}) {
        if (!*server) continue;
        // One that has just ended has no identity, and nothing to be killed.
        record.servers.push_back((*server)->process().identity().value_or(ProcessIdentity{}));
    }
    write_record(record);
}

Lab::Lab(const LabOptions& options) {
    try {
        const fs::path redis_program = find_program(options.redis_program, "redis-server");
        const fs::path mariadb_program =
            find_program(options.mariadb_program, "mariadb-server-core");
        const fs::path root = labs_root(options.root);
        sweep_labs(root);
        parts_ = std::make_unique<Parts>(root);
        parts_->start(options, redis_program, mariadb_program);
    } catch (const fs::filesystem_error& error) {
        throw EnvironmentError(fmt::format("cannot set up a lab: {}", error.what()));
    }
}

Lab::Lab(Lab&&) noexcept = default;
Lab& Lab::operator=(Lab&&) noexcept = default;
Lab::~Lab() = default;

const LabRecord& Lab::record() const noexcept {
    return parts_->record;
}
const std::string& Lab::id() const noexcept {
    return record().id;
}
const fs::path& Lab::folder() const noexcept {
    return record().folder;
}
const std::string& Lab::redis_url() const noexcept {
    return record().redis_url;
}
const std::string& Lab::mysql_url() const noexcept {
    return record().mysql_url;
}
const std::string& Lab::auditor_url() const noexcept {
    return record().auditor_url;
}
const ProcessIdentity& Lab::redis_process() const noexcept {
    return record().servers.front();
}
const ProcessIdentity& Lab::mariadb_process() const noexcept {
    return record().servers.back();
}

std::array<int, 2> Lab::server_pidfds() const noexcept {
    return {parts_->redis->process().pidfd(), parts_->mariadb->process().pidfd()};
}

std::string Lab::what_ended() {
    for (std::optional<Server>* server : {&parts_->redis, &parts_->mariadb}) {
        const auto status = (*server)->process().wait(std::chrono::milliseconds(0));
        if (!status) continue;
        return fmt::format("{} of {} has ended ({}); its log ends with:\n{}", (*server)->name(),
                           record().id, to_string(*status), tail_of((*server)->log()));
    }
    return {};
}

}  // namespace claimstorm
