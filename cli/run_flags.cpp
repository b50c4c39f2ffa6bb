#include "cli/run_flags.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/result_output.h"
#include "scenarios/scenario_file.h"
#include "scenarios/transport_file.h"

namespace claimstorm {

void RunFlags::add_to(CLI::App& command) {
    command
        .add_option("--seed", seed, "Draws the same plan again (default: the scenario's, or drawn)")
        ->envname("CLAIMSTORM_SEED");
    command.add_option("-o,--output", output, "Run folder (default: runs/<UTC time>-<scenario>)")
        ->envname("CLAIMSTORM_OUTPUT");
    command
        .add_option("--mysql", mysql_url, "Bundled flows: use this MySQL, not a private lab (URL)")
        ->envname("CLAIMSTORM_MYSQL");
    command
        .add_option("--redis", redis_url, "Bundled flows: use this Redis, not a private lab (URL)")
        ->envname("CLAIMSTORM_REDIS");
    command
        .add_option("--transport", transport,
                    "native or curl, whatever the target file says (default: native where it "
                    "speaks what the target asks for)")
        ->envname("CLAIMSTORM_TRANSPORT");
    add_quiet_flag(command, quiet);
}

RunOptions RunFlags::options() const {
    RunOptions options;
    options.seed = seed;
    options.folder = output;
    options.mysql_url = mysql_url;
    options.redis_url = redis_url;
    if (!transport.empty()) options.transport = transport_kind_from(transport, "--transport");
    return options;
}

void add_require_option(CLI::App& command, std::vector<std::string>& names) {
    command
        .add_option("--require", names,
                    "A check that must not be skipped (may be repeated); the scenario's own stay")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false)
        ->envname("CLAIMSTORM_REQUIRE");
}

void add_required(Scenario& scenario, const std::vector<std::string>& names) {
    require_check_names(names, "--require");
    for (const std::string& name : names) {
        if (std::find(scenario.require.begin(), scenario.require.end(), name) ==
            scenario.require.end()) {
            scenario.require.push_back(name);
        }
    }
}

}  // namespace claimstorm
