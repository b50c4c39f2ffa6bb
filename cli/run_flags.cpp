#include "cli/run_flags.h"

#include <CLI/CLI.hpp>

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
    command.add_flag("-q,--quiet", quiet, "Only the verdict's line")->envname("CLAIMSTORM_QUIET");
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

}  // namespace claimstorm
