#include "model/history.h"

namespace claimstorm {

AttemptList::Rows::Values AttemptList::packed(const Attempt& attempt) {
    static_assert(kOutcomes.size() <= 8 && kTransportErrors.size() <= 16,
                  "outcome, transport error and `waited` share a byte");
    Rows::Values values{};
    values[user] = attempt.user;
    values[number] = static_cast<std::uint16_t>(attempt.number - 1);
    values[answer] = static_cast<std::uint64_t>(attempt.outcome) |
                     static_cast<std::uint64_t>(attempt.transport_error) << 3 |
                     static_cast<std::uint64_t>(attempt.waited) << 7;
    values[status] = attempt.http_status;
    values[campaign] = attempt.campaign;
    values[due] = code_unless(attempt.due_ns, kNever, 0);
    TimeNs known = attempt.due_ns;
    const auto put = [&](Column column, TimeNs instant) {
        values[column] = code_unless(instant, kNever, known);
        if (instant != kNever) known = instant;
    };
    put(sent, attempt.sent_ns);
    put(first_byte, attempt.first_byte_ns);
    put(done, attempt.done_ns);
    values[claim_id] = static_cast<std::uint64_t>(attempt.claim_id);
    values[ticket] = code_unless(attempt.ticket, kNoNumber, 0);
    values[amount] = code_unless(attempt.amount_cents, kNoNumber, 0);
    return values;
}

}  // namespace claimstorm
