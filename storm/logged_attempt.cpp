#include "storm/logged_attempt.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

using nlohmann::json;

enum class Field : std::uint8_t {
    user,
    outcome,
    sent,
    done,
    first_byte,
    due,
    claim_id,
    ticket,
    amount,
    status,
    number,
    error,
    waited,
    campaign,
    index,
};

struct Key {
    std::string_view name;
    Field field;
};

/// The contract's names first; behind them those that `claimstorm history` prints.
constexpr std::array kKeys = {
    Key{"user", Field::user},
    Key{"outcome", Field::outcome},
    Key{"sent_ns", Field::sent},
    Key{"done_ns", Field::done},
    Key{"first_byte_ns", Field::first_byte},
    Key{"due_ns", Field::due},
    Key{"claim_id", Field::claim_id},
    Key{"ticket", Field::ticket},
    Key{"amount_cents", Field::amount},
    Key{"http_status", Field::status},
    Key{"number", Field::number},
    Key{"transport_error", Field::error},
    Key{"attempt", Field::number},
    Key{"status", Field::status},
    Key{"error", Field::error},
    Key{"waited", Field::waited},
    Key{"other_campaign", Field::campaign},
    Key{"index", Field::index},
};

template <typename All>
[[noreturn]] void refuse_name(std::string_view what, std::string_view name, const All& all) {
    std::vector<std::string_view> names;
    names.reserve(all.size());
    for (const auto one : all) names.push_back(to_string(one));
    throw UsageError(
        fmt::format("'{}' is not {}; {}", name, what,
                    meant_or(name, names, fmt::format("there are: {}", fmt::join(names, ", ")))));
}

/// Takes the members of one flat object as the parser meets them: no document is built.
class AttemptSax final : public json::json_sax_t {
  public:
    explicit AttemptSax(LoggedAttempt& logged) : logged_(logged) {}

    bool null() override {
        require_in_object();
        if (field_ == Field::user || field_ == Field::outcome) refuse("null");
        return true;
    }
    bool boolean(bool value) override {
        require_in_object();
        if (field_ != Field::waited) refuse(value ? "true" : "false");
        logged_.attempt.waited = value;
        return true;
    }
    bool number_integer(number_integer_t value) override {
        require_in_object();
        take(value);
        return true;
    }
    bool number_unsigned(number_unsigned_t value) override {
        require_in_object();
        if (field_ == Field::claim_id || field_ == Field::user) {
            (field_ == Field::user ? logged_.user : logged_.claim_id) = std::to_string(value);
            return true;
        }
        if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
            refuse(std::to_string(value));
        }
        take(static_cast<number_integer_t>(value));
        return true;
    }
    bool number_float(number_float_t /*value*/, const string_t& text) override {
        require_in_object();
        refuse(text);
    }
    bool string(string_t& value) override {
        require_in_object();
        take(value);
        return true;
    }
    bool binary(binary_t& /*value*/) override { return false; }
    bool start_object(std::size_t /*elements*/) override {
        if (in_object_) refuse("an object");
        in_object_ = true;
        return true;
    }
    bool key(string_t& name) override {
        const auto* found = std::find_if(kKeys.begin(), kKeys.end(),
                                         [&](const Key& key) { return key.name == name; });
        if (found == kKeys.end()) refuse_key(name);
        key_ = found->name;
        field_ = found->field;
        const std::uint32_t bit = 1U << static_cast<unsigned>(field_);
        if ((seen_ & bit) != 0) {
            throw UsageError(
                fmt::format("the key '{}' says again what stands there already", name));
        }
        seen_ |= bit;
        return true;
    }
    bool end_object() override { return true; }
    bool start_array(std::size_t /*elements*/) override {
        require_in_object();
        refuse("a list");
    }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const json::exception& error) override {
        // nlohmann's text is "[json.exception.parse_error.101] parse error at …: what".
        std::string what = error.what();
        const std::size_t colon = what.find(": ");
        if (colon != std::string::npos) what = what.substr(colon + 2);
        std::replace(what.begin(), what.end(), '\n', ' ');
        throw UsageError(fmt::format("not JSON at character {}: {}", position, what));
    }

  private:
    [[noreturn]] static void refuse_key(std::string_view name) {
        std::vector<std::string_view> names;
        constexpr std::size_t kOfTheContract = 12;
        names.reserve(kOfTheContract);
        for (std::size_t i = 0; i < kOfTheContract; ++i) names.push_back(kKeys.at(i).name);
        const std::string begin = std::string(name) + "_";  // "sent" for "sent_ns"
        for (const std::string_view known : names) {
            if (!known.starts_with(begin)) continue;
            throw UsageError(fmt::format("unknown key '{}'; did you mean '{}'?", name, known));
        }
        throw UsageError(fmt::format(
            "unknown key '{}'; {}", name,
            meant_or(name, names, fmt::format("known here are: {}", fmt::join(names, ", ")))));
    }

    void require_in_object() const {
        if (!in_object_) throw UsageError("an object is wanted: {\"user\": \"u1\", …}");
    }

    [[noreturn]] void refuse(std::string_view value) const {
        std::string_view wanted = "a whole number";
        if (field_ == Field::user || field_ == Field::claim_id) {
            wanted = "a text or a whole number";
        } else if (field_ == Field::outcome || field_ == Field::error) {
            wanted = "a name in quotes";
        } else if (field_ == Field::waited) {
            wanted = "true or false";
        }
        throw UsageError(fmt::format("{}: {} is wanted here, this is {}", key_, wanted, value));
    }

    template <typename Narrow>
    Narrow narrowed(std::int64_t value, std::int64_t low) const {
        if (value < low || value > std::numeric_limits<Narrow>::max()) {
            throw UsageError(fmt::format("{}: {} is out of range: {} to {}", key_, value, low,
                                         std::numeric_limits<Narrow>::max()));
        }
        return static_cast<Narrow>(value);
    }

    /// Far enough from the ends that instants can be told from one another, and from never.
    TimeNs instant(std::int64_t value) const {
        constexpr std::int64_t kFarthest = std::int64_t{1} << 62U;
        if (value > -kFarthest && value < kFarthest) return value;
        throw UsageError(fmt::format("{}: {} is no instant in nanoseconds", key_, value));
    }

    void take(std::int64_t value) {
        Attempt& attempt = logged_.attempt;
        switch (field_) {
            case Field::user:
                logged_.user = std::to_string(value);
                return;
            case Field::claim_id:
                logged_.claim_id = std::to_string(value);
                return;
            case Field::sent:
                attempt.sent_ns = instant(value);
                return;
            case Field::done:
                attempt.done_ns = instant(value);
                return;
            case Field::first_byte:
                attempt.first_byte_ns = instant(value);
                return;
            case Field::due:
                attempt.due_ns = instant(value);
                has_due_ = true;
                return;
            case Field::ticket:
                attempt.ticket = value;
                return;
            case Field::amount:
                attempt.amount_cents = value;
                return;
            case Field::status:
                attempt.http_status = narrowed<std::uint16_t>(value, 0);
                return;
            case Field::number:
                attempt.number = narrowed<std::uint16_t>(value, 1);
                logged_.has_number = true;
                return;
            case Field::campaign:
                attempt.campaign = narrowed<std::uint16_t>(value, 0);
                return;
            case Field::index:
                return;
            default:
                refuse(std::to_string(value));
        }
    }

    void take(std::string& text) {
        constexpr std::size_t kClaimIdBytesMax = 65'535;
        switch (field_) {
            case Field::user:
                if (text.empty()) throw UsageError("user: a name must not be empty");
                logged_.user = std::move(text);
                return;
            case Field::claim_id:
                if (text.size() > kClaimIdBytesMax) {
                    throw UsageError(
                        fmt::format("claim_id: {} bytes are more than the {} that "
                                    "are kept",
                                    text.size(), kClaimIdBytesMax));
                }
                logged_.claim_id = std::move(text);
                return;
            case Field::outcome: {
                const auto outcome = outcome_from(text);
                if (!outcome) refuse_name("an outcome", text, kOutcomes);
                logged_.attempt.outcome = *outcome;
                return;
            }
            case Field::error: {
                const auto error = transport_error_from(text);
                if (!error) refuse_name("a transport error", text, kTransportErrors);
                logged_.attempt.transport_error = *error;
                return;
            }
            default:
                refuse("a text");
        }
    }

  public:
    bool saw(Field field) const { return (seen_ & (1U << static_cast<unsigned>(field))) != 0; }
    bool has_due() const { return has_due_; }

  private:
    LoggedAttempt& logged_;
    Field field_ = Field::user;
    std::string_view key_ = "the line";
    std::uint32_t seen_ = 0;
    bool in_object_ = false;
    bool has_due_ = false;
};

/// The times must be those of one attempt: sent, then a first byte, then done.
void require_in_order(const Attempt& attempt) {
    if (attempt.sent_ns == kNever) {
        if (attempt.outcome != Outcome::not_sent) {
            throw UsageError("sent_ns is missing: only an attempt that was not_sent has none");
        }
        if (attempt.done_ns != kNever || attempt.first_byte_ns != kNever) {
            throw UsageError("it was answered and never sent: sent_ns is missing");
        }
        return;
    }
    const auto require = [](bool in_order, const char* first, TimeNs from, const char* second,
                            TimeNs to) {
        if (in_order) return;
        throw UsageError(fmt::format("{} {} is before {} {}", second, to, first, from));
    };
    require(attempt.done_ns >= attempt.sent_ns, "sent_ns", attempt.sent_ns, "done_ns",
            attempt.done_ns);
    require(attempt.first_byte_ns >= attempt.sent_ns, "sent_ns", attempt.sent_ns, "first_byte_ns",
            attempt.first_byte_ns);
    require(attempt.first_byte_ns == kNever || attempt.done_ns >= attempt.first_byte_ns,
            "first_byte_ns", attempt.first_byte_ns, "done_ns", attempt.done_ns);
}

}  // namespace

LoggedAttempt parse_logged_attempt(std::string_view line) {
    LoggedAttempt logged;
    AttemptSax sax(logged);
    json::sax_parse(line, &sax);
    if (!sax.saw(Field::user)) throw UsageError("the key 'user' is missing");
    if (!sax.saw(Field::outcome)) throw UsageError("the key 'outcome' is missing");
    require_in_order(logged.attempt);
    if (!sax.has_due() && logged.attempt.sent_ns != kNever) {
        logged.attempt.due_ns = logged.attempt.sent_ns;
    }
    return logged;
}

}  // namespace claimstorm
