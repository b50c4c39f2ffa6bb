// Target files: any bytes give a target or a UsageError of one line; what is written of a target
// reads back to the same text, and its requests and rules can be used.
#include <string>

#include "model/error.h"
#include "scenarios/target_file.h"
#include "storm/outcome_rules.h"
#include "storm/storm.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

namespace {

Target read(std::string_view text) {
    const nlohmann::json document = parse_json_text(text, "fuzz.json");
    return read_target(JsonPlace(document, "fuzz.json"), "/nonexistent");
}

/// What the reader has taken, the storm takes too. Users' files are not there.
void check_fireable(const Target& target) {
    const OutcomeRules rules(target.endpoint.outcomes, target.endpoint.fields);
    rules.read(200, R"({"code":0,"data":{"id":"x","list":[1,{"a":2}]}})");
    if (target.endpoint.csv_users) return;
    StormOrder order;
    order.spec.users = 3;
    order.spec.connections = 1;
    order.endpoint = target.endpoint;
    order.campaign = "1";
    require_fireable(order);
    PlannedAttempt planned;
    const std::string request = request_text(order, planned);
    fuzz::claim(request.find("\r\n\r\n") != std::string::npos, "a request has a head");
    poll_text(order, planned, "c/1", "p/1");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string written;
    try {
        const Target target = read(fuzz::text_of(data, size));
        written = target_to_json(target).dump(2);
        check_fireable(target);
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
        if (written.empty()) return 0;
    }
    fuzz::claim(target_to_json(read(written)).dump(2) == written,
                "a target that was written reads back the same");
    return 0;
}
