#include "storm/history_codec.h"

#include <limits>

#include "storm/chunk_file.h"

namespace claimstorm::history_format {
namespace {

enum Flag : std::uint8_t {
    has_number = 1,
    has_error = 2,
    has_sent = 4,
    has_first_byte = 8,
    has_done = 16,
    has_claim_id = 32,
    has_numbers = 64,  // ticket or amount
    has_waited = 128,
};

/// In the byte of the outcome: the number of another campaign follows it.
constexpr std::uint8_t kOtherCampaign = 128;

template <typename Narrow>
bool get_narrow(std::string_view& bytes, Narrow& value) {
    std::uint64_t wide = 0;
    if (!get_varint(bytes, wide) || wide > std::numeric_limits<Narrow>::max()) return false;
    value = static_cast<Narrow>(wide);
    return true;
}

std::uint8_t flags_of(const Attempt& attempt, std::string_view claim_id) {
    unsigned flags = 0;
    if (attempt.number != 1) flags |= has_number;
    if (attempt.transport_error != TransportError::none) flags |= has_error;
    if (attempt.sent_ns != kNever) flags |= has_sent;
    if (attempt.first_byte_ns != kNever) flags |= has_first_byte;
    if (attempt.done_ns != kNever) flags |= has_done;
    if (!claim_id.empty()) flags |= has_claim_id;
    if (attempt.ticket != kNoNumber || attempt.amount_cents != kNoNumber) flags |= has_numbers;
    if (attempt.waited) flags |= has_waited;
    return static_cast<std::uint8_t>(flags);
}

/// Each instant is told from the one before it that is known.
bool get_times(std::string_view& bytes, std::uint8_t flags, Attempt& attempt,
               TimeNs& previous_due_ns) {
    if (!get_difference(bytes, attempt.due_ns, previous_due_ns)) return false;
    previous_due_ns = attempt.due_ns;
    TimeNs base = attempt.due_ns;
    const auto next = [&](Flag flag, TimeNs& instant) {
        if ((flags & flag) == 0) return true;
        if (!get_difference(bytes, instant, base)) return false;
        base = instant;
        return true;
    };
    return next(has_sent, attempt.sent_ns) && next(has_first_byte, attempt.first_byte_ns) &&
           next(has_done, attempt.done_ns);
}

}  // namespace

void encode_attempt(std::string& out, const Attempt& attempt, std::string_view claim_id,
                    TimeNs& previous_due_ns) {
    const std::uint8_t flags = flags_of(attempt, claim_id);
    out.push_back(static_cast<char>(flags));
    const auto outcome = static_cast<std::uint8_t>(attempt.outcome);
    out.push_back(static_cast<char>(attempt.campaign == 0 ? outcome : outcome | kOtherCampaign));
    if (attempt.campaign != 0) put_varint(out, attempt.campaign);
    put_varint(out, attempt.user);
    if ((flags & has_number) != 0) put_varint(out, attempt.number);
    if ((flags & has_error) != 0) out.push_back(static_cast<char>(attempt.transport_error));
    put_varint(out, attempt.http_status);
    put_difference(out, attempt.due_ns, previous_due_ns);
    previous_due_ns = attempt.due_ns;
    TimeNs base = attempt.due_ns;
    for (const TimeNs instant : {attempt.sent_ns, attempt.first_byte_ns, attempt.done_ns}) {
        if (instant == kNever) continue;
        put_difference(out, instant, base);
        base = instant;
    }
    if ((flags & has_claim_id) != 0) put_text(out, claim_id);
    if ((flags & has_numbers) != 0) {
        put_difference(out, attempt.ticket, 0);
        put_difference(out, attempt.amount_cents, 0);
    }
}

bool decode_attempt(std::string_view& bytes, Attempt& attempt, std::string_view& claim_id,
                    TimeNs& previous_due_ns) {
    attempt = Attempt{};
    claim_id = {};
    std::uint8_t flags = 0;
    std::uint8_t outcome = 0;
    if (!get_byte(bytes, flags) || !get_byte(bytes, outcome)) return false;
    if ((outcome & kOtherCampaign) != 0) {
        outcome = static_cast<std::uint8_t>(outcome & ~kOtherCampaign);
        if (!get_narrow(bytes, attempt.campaign) || attempt.campaign == 0) return false;
    }
    if (outcome >= kOutcomes.size() || !get_narrow(bytes, attempt.user)) return false;
    attempt.outcome = static_cast<Outcome>(outcome);
    attempt.waited = (flags & has_waited) != 0;
    if ((flags & has_number) != 0 && !get_narrow(bytes, attempt.number)) return false;
    if ((flags & has_error) != 0) {
        std::uint8_t error = 0;
        if (!get_byte(bytes, error) || error >= kTransportErrors.size()) return false;
        attempt.transport_error = static_cast<TransportError>(error);
    }
    if (!get_narrow(bytes, attempt.http_status)) return false;
    if (!get_times(bytes, flags, attempt, previous_due_ns)) return false;
    if ((flags & has_claim_id) != 0 && !get_text(bytes, claim_id)) return false;
    if ((flags & has_numbers) != 0) {
        return get_difference(bytes, attempt.ticket, 0) &&
               get_difference(bytes, attempt.amount_cents, 0);
    }
    return true;
}

}  // namespace claimstorm::history_format
