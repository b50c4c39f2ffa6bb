#include "lab/mariadb_server.h"

#include <mutex>
#include <unistd.h>

#include <fmt/format.h>
#include <mysql.h>

#include "lab/programs.h"
#include "model/error.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFormat = "2";  // raise it when kSettings or the bootstrap changes
constexpr unsigned int kPatienceSeconds = 1;

/// Small and quick to start, but otherwise behaving like a server in production: InnoDB's
/// locking, isolation and auto-increment are the defaults. A commit outlives the server's crash
/// but nothing is synced to disk: a crash of the machine takes the lab with it anyway, and other
/// programs' disk writes shall not show in what is measured.
constexpr const char* kSettings = R"(
skip_name_resolve
character_set_server=utf8mb4
max_connections=1000
back_log=1000
thread_cache_size=100
table_open_cache=400
performance_schema=OFF
max_allowed_packet=64M
key_buffer_size=1M
aria_pagecache_buffer_size=8M
innodb_buffer_pool_size=96M
innodb_buffer_pool_dump_at_shutdown=OFF
innodb_buffer_pool_load_at_startup=OFF
innodb_log_file_size=16M
innodb_flush_log_at_trx_commit=2
loose_innodb_flush_method=nosync
loose_debug_no_sync=ON
innodb_doublewrite=OFF
innodb_use_native_aio=OFF
innodb_data_file_path=ibdata1:5M:autoextend
innodb_temp_data_file_path=ibtmp1:4M:autoextend
innodb_autoextend_increment=4
)";

/// The folder that holds mysql_system_tables.sql and the error messages.
fs::path share_folder(const fs::path& program) {
    std::error_code error;
    const fs::path prefix = fs::canonical(program, error).parent_path().parent_path();
    for (const fs::path& base : {prefix, fs::path("/usr"), fs::path("/usr/local")}) {
        for (const char* name : {"mysql", "mariadb"}) {
            fs::path share = base / "share" / name;
            if (fs::exists(share / "mysql_system_tables.sql", error)) return share;
        }
    }
    throw EnvironmentError(
        "found no mysql_system_tables.sql in /usr/share/mysql or /usr/share/mariadb: apt install "
        "--no-install-recommends mariadb-server-core");
}

/// A value in a configuration file: a folder may hold a '#', or end in a space.
std::string quoted(const fs::path& path) {
    std::string text;
    for (const char c : path.string()) text += c == '\\' ? std::string("\\\\") : std::string(1, c);
    return '"' + text + '"';
}

/// The socket's path is relative to the data folder, where the server works, since a socket's path
/// may not be longer than 107 bytes.
std::string configuration(const MariadbPlace& place, const std::string& more) {
    return fmt::format(
        "[mariadbd]\n"
        "{}datadir={}\n"
        "tmpdir={}\n"
        "socket=mysql.sock\n"
        "pid_file=mariadb.pid\n"
        "lc_messages_dir={}\n"
        "{}{}{}\n",
        // As root it refuses to run unless told to.
        ::geteuid() == 0 ? "user=root\n" : "", quoted(place.folder / "data"),
        quoted(place.folder / "tmp"), quoted(share_folder(place.program)), kSettings, more,
        fmt::join(place.options, "\n"));
}

ChildOptions command(const MariadbPlace& place, const fs::path& config, const fs::path& log) {
    ChildOptions child;
    child.argv = {place.program.string(), "--defaults-file=" + config.string()};
    child.environment = server_environment(place.folder.parent_path());
    child.working_directory = place.folder;
    child.out = ToFile{log};
    child.err = ToFile{log};
    return child;
}

/// Makes the accounts anew at each start: should the first try have found its port taken, they
/// exist already.
std::string accounts_sql(const MariadbPasswords& passwords) {
    return fmt::format(
        "CREATE DATABASE IF NOT EXISTS claimstorm CHARACTER SET utf8mb4;\n"
        "CREATE OR REPLACE USER claimstorm@'%' IDENTIFIED BY '{}';\n"
        "GRANT ALL ON claimstorm.* TO claimstorm@'%';\n"
        "GRANT PROCESS ON *.* TO claimstorm@'%';\n"
        "CREATE OR REPLACE USER auditor@'%' IDENTIFIED BY '{}';\n"
        "GRANT SELECT ON claimstorm.* TO auditor@'%';\n",
        passwords.claimstorm, passwords.auditor);
}

struct CloseConnection {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
};

bool mariadb_answers(std::uint16_t port, const std::string& password) {
    static std::once_flag library_ready;
    std::call_once(library_ready, [] { mysql_library_init(0, nullptr, nullptr); });
    const std::unique_ptr<MYSQL, CloseConnection> connection(mysql_init(nullptr));
    if (!connection) return false;
    mysql_options(connection.get(), MYSQL_OPT_CONNECT_TIMEOUT, &kPatienceSeconds);
    mysql_options(connection.get(), MYSQL_OPT_READ_TIMEOUT, &kPatienceSeconds);
    // Whoever else listens there does not know the password.
    return mysql_real_connect(connection.get(), "127.0.0.1", "claimstorm", password.c_str(),
                              "claimstorm", port, nullptr, 0) != nullptr;
}

}  // namespace

TemplateCache mariadb_templates(const MariadbPlace& place, const fs::path& cache) {
    // The program's file rather than its word: asking for the version takes as long as copying
    // the template, and a rebuilt server may tell the same version.
    std::error_code error;
    const fs::path program = fs::canonical(place.program, error);
    const auto changed = fs::last_write_time(program, error).time_since_epoch();
    return {cache, fmt::format("{}\n{}\n{}\n{}\n{}\n{}", kFormat, program.string(),
                               fs::file_size(program, error), changed.count(), kSettings,
                               fmt::join(place.options, "\n"))};
}

void make_mariadb_data(const MariadbPlace& place, const StartLimits& limits) {
    const fs::path sql = place.folder / "bootstrap.sql";
    const fs::path config = place.folder / "bootstrap.cnf";
    const fs::path log = place.folder / "bootstrap.log";
    // mariadb-install-db would add help texts, time zones and a root account without a password.
    write_private_file(
        sql, "CREATE DATABASE mysql;\nUSE mysql;\n" +
                 read_file_or_empty(share_folder(place.program) / "mysql_system_tables.sql"));
    write_private_file(config, configuration(place, ""));
    fs::create_directory(place.folder / "data");
    ChildOptions options = command(place, config, log);
    options.argv.emplace_back("--bootstrap");
    options.stdin_file = sql;
    ChildProcess server(options);
    const ExitStatus status = wait_for_end(server, "mariadbd --bootstrap", limits);
    if (!status.ok()) {
        throw EnvironmentError(
            fmt::format("{} could not make its system tables ({}); its log ends with:\n{}",
                        place.program.filename().string(), to_string(status), tail_of(log)));
    }
    for (const fs::path& done : {sql, config, log}) fs::remove(done);
}

ServerPlan mariadb_plan(const MariadbPlace& place, const MariadbPasswords& passwords) {
    ServerPlan plan;
    plan.name = place.program.filename();
    plan.log = place.folder / "mariadb.log";
    plan.launch = [place, passwords, log = plan.log](std::uint16_t port) {
        const fs::path config = place.folder / "mariadb.cnf";
        const fs::path accounts = place.folder / "accounts.sql";
        write_private_file(accounts, accounts_sql(passwords));
        write_private_file(config, configuration(place, fmt::format("bind_address=127.0.0.1\n"
                                                                    "port={}\n"
                                                                    "init_file={}\n",
                                                                    port, quoted(accounts))));
        return command(place, config, log);
    };
    plan.answers = [passwords](std::uint16_t port) {
        return mariadb_answers(port, passwords.claimstorm);
    };
    return plan;
}

void forget_mariadb_passwords(const MariadbPlace& place) {
    std::error_code ignored;  // the folder is the owner's alone all the same
    fs::remove(place.folder / "accounts.sql", ignored);
}

}  // namespace claimstorm
