#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/text_template.h"
#include "storm/plan.h"
#include "storm/spec.h"
#include "storm/user_source.h"

namespace claimstorm {

/// What a claim's texts may refer to: user, n, campaign, attempt, idempotency_key, and the users'
/// columns.
std::vector<std::string_view> claim_placeholders(const std::vector<std::string_view>& columns = {});
/// What a poll's may: the same, claim_id and poll_id.
std::vector<std::string_view> poll_placeholders(const std::vector<std::string_view>& columns = {});

/// Which of an answer's ids a request mentions.
struct IdsNeeded {
    bool claim_id = false;
    bool poll_id = false;
};
IdsNeeded ids_needed(const RequestSpec& spec);

/// What the placeholders stand for in one request, beside its user's.
struct ClaimValues {
    std::uint16_t attempt = 1;
    std::uint64_t idempotency_key = 0;  ///< written as 16 hexadecimal digits
    std::string_view claim_id = {};
    std::string_view poll_id = {};
};

/// Those of an attempt. Its idempotency key depends on the seed, the user and the attempt whose
/// key it carries: two storms of different seeds share none.
ClaimValues values_of(const PlannedAttempt& attempt, std::uint64_t seed);

/// How values are written into the request's body, by what its Content-Type makes of them: into a
/// JSON body (a JSON value, or a text of type application/json) as in a JSON string, into a form
/// (the type of a text that names none) percent-encoded, into any other text as they are.
TextTemplate::Escape body_escape(const RequestSpec& spec);

/// The Content-Type for a body whose headers name none.
std::string_view default_content_type(const RequestSpec& spec) noexcept;

/// Renders whole HTTP/1.1 requests for one target and campaign.
class RequestTemplate {
  public:
    /// `host` is the Host header, `path_prefix` the path of base_url. Throws UsageError.
    RequestTemplate(const RequestSpec& spec, std::string_view host, std::string_view path_prefix,
                    std::string_view campaign, std::string_view where,
                    const std::vector<std::string_view>& placeholders = claim_placeholders());

    /// Replaces `out` by the bytes of the user's request. The user has the columns that the
    /// placeholders were made with.
    void render(std::string& out, const UserValues& user, const ClaimValues& values) const;

  private:
    std::string campaign_;
    std::string method_;
    TextTemplate path_;
    std::vector<std::pair<std::string, TextTemplate>> headers_;
    std::string fixed_headers_;
    TextTemplate body_;
    bool has_body_;
};

}  // namespace claimstorm
