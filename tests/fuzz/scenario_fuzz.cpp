// Scenario files: any bytes give a scenario or a UsageError of one line, and what is written of a
// scenario reads back to the same text.
#include <string>

#include "model/error.h"
#include "scenarios/scenario_file.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = [](std::string_view text) {
        const nlohmann::json document = parse_json_text(text, "fuzz.json");
        return read_scenario(JsonPlace(document, "fuzz.json"), "/nonexistent");
    };
    std::string written;
    try {
        const Scenario scenario = read(fuzz::text_of(data, size));
        written = scenario_to_json(scenario, scenario.seed.value_or(7)).dump(2);
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
        return 0;
    }
    const Scenario again = read(written);
    fuzz::claim(scenario_to_json(again, again.seed.value_or(7)).dump(2) == written,
                "a scenario that was written reads back the same");
    return 0;
}
