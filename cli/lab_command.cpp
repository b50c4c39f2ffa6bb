#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "lab/keeper.h"
#include "model/error.h"
#include "stores/url.h"

namespace claimstorm {
namespace {

struct LabFlags {
    std::string folder;
    std::string id;
    std::optional<pid_t> while_pid;
    bool foreground = false;
    bool all = false;
    bool json = false;

    KeepOptions keep_options() const {
        KeepOptions options;
        options.lab.root = folder;
        options.while_pid = while_pid;
        return options;
    }
};

nlohmann::ordered_json to_json(const LabRecord& lab) {
    return {{"id", lab.id},
            {"folder", lab.folder.string()},
            {"pid", lab.holder.pid},
            {"redis", lab.redis_url},
            {"mysql", lab.mysql_url},
            {"auditor", lab.auditor_url},
            {"started_at", lab.started_at},
            {"kept", lab.kept},
            {"ready", lab.ready}};
}

void print_born(const LabRecord& lab, const LabFlags& flags) {
    if (flags.json) {
        fmt::print("{}\n", to_json(lab).dump());
    } else {
        fmt::print(
            "{} is up (process {})\n"
            "  folder   {}\n"
            "  redis    {}\n"
            "  mysql    {}\n"
            "  auditor  {}  (may only SELECT)\n"
            "{}\n",
            lab.id, lab.holder.pid, lab.folder.string(), lab.redis_url, lab.mysql_url,
            lab.auditor_url,
            flags.foreground ? "Ctrl-C ends it" : "end it with: claimstorm lab down " + lab.id);
    }
    // In the foreground a program may be reading this from a pipe that stays open.
    std::fflush(stdout);
}

int up(const LabFlags& flags) {
    const auto print = [&flags](const LabRecord& lab) { print_born(lab, flags); };
    if (!flags.foreground) {
        print(start_kept_lab(flags.keep_options()));
        return 0;
    }
    const KeepEnd end = keep_lab(flags.keep_options(), print);
    return end == KeepEnd::interrupted ? 130 : 0;
}

int status(const LabFlags& flags) {
    const std::vector<LabRecord> living = living_labs(flags.folder);
    if (flags.json) {
        auto labs = nlohmann::ordered_json::array();
        for (const LabRecord& lab : living) labs.push_back(to_json(lab));
        fmt::print("{}\n", labs.dump());
        return 0;
    }
    if (living.empty()) fmt::print("no lab is up\n");
    for (const LabRecord& lab : living) {
        fmt::print("{} {} since {} ({} process {})\n  folder   {}\n", lab.id,
                   lab.ready ? "up" : "starting", lab.started_at,
                   lab.kept ? "kept by" : "belongs to", lab.holder.pid, lab.folder.string());
        if (!lab.ready) continue;
        fmt::print("  redis    {}\n  mysql    {}\n  auditor  {}\n", redact_url(lab.redis_url),
                   redact_url(lab.mysql_url), redact_url(lab.auditor_url));
    }
    return 0;
}

int down(const LabFlags& flags) {
    const std::vector<LabRecord> living = living_labs(flags.folder);
    std::vector<LabRecord> ended;
    if (!flags.all) ended.push_back(choose_lab(living, flags.id));
    for (const LabRecord& lab : living) {
        if (flags.all && lab.kept) ended.push_back(lab);
    }
    for (const LabRecord& lab : ended) {
        end_lab(lab);
        fmt::print("{} is gone\n", lab.id);
    }
    if (ended.empty()) fmt::print("no lab is up\n");
    return 0;
}

CLI::App* add_action(CLI::App& lab, const std::string& name, const std::string& about,
                     CommandBody& chosen, const std::shared_ptr<LabFlags>& flags,
                     int (*body)(const LabFlags&)) {
    CLI::App* action = lab.add_subcommand(name, about);
    action->add_option("--dir", flags->folder, "Folder the labs live in (default: in $TMPDIR)")
        ->envname("CLAIMSTORM_LAB_DIR");
    action->callback([&chosen, flags, body] { chosen = [flags, body] { return body(*flags); }; });
    return action;
}

}  // namespace

void add_lab_command(CLI::App& app, CommandBody& chosen) {
    CLI::App* lab = app.add_subcommand("lab", "The private Redis and MariaDB: up, status, down");
    lab->require_subcommand(1);
    const auto flags = std::make_shared<LabFlags>();

    CLI::App* up_action =
        add_action(*lab, "up", "Start a lab and print its URLs", chosen, flags, up);
    up_action->add_flag("--foreground", flags->foreground,
                        "Stay until Ctrl-C (exit 130) or SIGTERM (exit 0), then end the lab");
    up_action
        ->add_option("--while-pid", flags->while_pid, "End the lab when this process has ended")
        ->check(CLI::PositiveNumber)
        ->envname("CLAIMSTORM_WHILE_PID");
    up_action->add_flag("--json", flags->json, "Print one JSON object");

    CLI::App* status_action =
        add_action(*lab, "status", "List the living labs", chosen, flags, status);
    status_action->add_flag("--json", flags->json, "Print a JSON array, with passwords");

    CLI::App* down_action =
        add_action(*lab, "down", "End a lab; the only one needs no name", chosen, flags, down);
    CLI::Option* id = down_action->add_option("id", flags->id, "The lab's id, as `up` printed it");
    down_action->add_flag("--all", flags->all, "End every lab that `up` has started")->excludes(id);
}

}  // namespace claimstorm
