// A line of another program's log: any bytes give an attempt that could have happened, or a
// UsageError of one line.
#include "model/error.h"
#include "storm/logged_attempt.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const LoggedAttempt logged = parse_logged_attempt(fuzz::text_of(data, size));
        const Attempt& attempt = logged.attempt;
        fuzz::claim(!logged.user.empty(), "an attempt has a user");
        fuzz::claim(attempt.sent_ns != kNever || attempt.outcome == Outcome::not_sent,
                    "what was sent was sent at some time");
        fuzz::claim(attempt.done_ns == kNever || attempt.sent_ns == kNever ||
                        attempt.done_ns >= attempt.sent_ns,
                    "an answer comes after its request");
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
    }
    return 0;
}
