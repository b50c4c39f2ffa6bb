// result.json: any bytes give a result or a UsageError, and what is written reads back the same.
#include <string>

#include "model/error.h"
#include "reports/result_json.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Result result;
    try {
        result = result_from_json(std::string(fuzz::text_of(data, size)));
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
        return 0;
    }
    const std::string written = result_to_json(result);
    fuzz::claim(result_to_json(result_from_json(written)) == written,
                "a result that was written reads back the same");
    return 0;
}
