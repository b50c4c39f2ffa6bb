#include "reference_server/api.h"

#include <chrono>
#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/requests.h"

namespace claimstorm::reference {
namespace {

using nlohmann::ordered_json;
using What = Route::What;

int status_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::granted:
            return 200;
        case Outcome::pending:
            return 202;
        case Outcome::already_claimed:
            return 409;
        case Outcome::sold_out:
            return 410;
        case Outcome::throttled:
            return 503;
        case Outcome::rejected:
            return 400;
        case Outcome::unknown:
        case Outcome::not_sent:
            break;
    }
    return 500;
}

/// Error texts may quote bytes of the stores, which need not be UTF-8.
std::string dump(const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

HttpResponse failure(int status, std::string_view why) {
    return {status, dump({{"error", why}}), {}};
}

/// A claim's answer always has an outcome, also where the claim could not be understood.
HttpResponse claim_failure(int status, Outcome outcome, std::string_view why) {
    return {status, dump({{"outcome", to_string(outcome)}, {"error", why}}), {}};
}

HttpResponse told(const ClaimResult& result) {
    ordered_json body{{"outcome", to_string(result.outcome)}};
    if (!result.claim_id.empty()) body["claim_id"] = result.claim_id;
    if (result.ticket) body["ticket"] = *result.ticket;
    if (result.amount_cents) body["amount_cents"] = *result.amount_cents;
    if (!result.why.empty()) body["error"] = result.why;
    return {status_of(result.outcome), dump(body), {}};
}

ordered_json describe(const Campaign& campaign, const CampaignState& state) {
    ordered_json body{{"id", campaign.id},
                      {"kind", to_string(campaign.kind)},
                      {"stock", campaign.stock},
                      {"per_user", campaign.per_user}};
    if (campaign.budget_cents) body["budget_cents"] = *campaign.budget_cents;
    body["remaining"] = state.remaining;
    body["sold_out"] = state.sold_out;
    body["cache_remaining"] =
        state.cache_remaining ? ordered_json(*state.cache_remaining) : ordered_json(nullptr);
    body["claims"] = state.claims;
    return body;
}

ordered_json describe(const Failpoints::State& state) {
    return {{"step", state.step},
            {"background", state.background},
            {"do", state.rule.empty() ? ordered_json(nullptr) : ordered_json(state.rule)},
            {"hits", state.hits},
            {"fired", state.fired}};
}

bool is_about_a_claim(What what) {
    return what == What::claims || what == What::claim;
}

}  // namespace

Api::Api(const FlowEntry& entry, Flow& flow, Failpoints& failpoints, ErrorLog& log)
    : entry_(entry), flow_(flow), failpoints_(failpoints), log_(log) {}

HttpResponse Api::busy() {
    return claim_failure(503, Outcome::throttled, "the server is busy; try again");
}

std::optional<HttpResponse> Api::answer_without_stores(const HttpRequest& request) const {
    const Route route = route_of(request.target);
    if (route.what == What::nothing) {
        return failure(404,
                       "there is no such path; see GET /healthz, POST /campaigns, "
                       "POST /campaigns/{id}/claims");
    }
    if (!offers(route.what, request.method)) {
        const std::string_view offered = methods_of(route.what);
        HttpResponse response = failure(405, fmt::format("only {} is offered here", offered));
        response.allow = offered;
        return response;
    }
    if (route.what == What::health) {
        return HttpResponse{200, dump({{"status", "ok"}, {"flow", entry_.name}}), {}};
    }
    if (route.what == What::stats) {
        return HttpResponse{200,
                            dump({{"claims", claims_served_.load()},
                                  {"claim_ms", claim_ns_.load() / 1'000'000},
                                  {"redis_lock_wait_ms", lock_wait_ns_.load() / 1'000'000}}),
                            {}};
    }
    if (route.what == What::failpoints || route.what == What::failpoint) {
        return answer_failpoints(request, route);
    }
    return std::nullopt;
}

HttpResponse Api::answer_failpoints(const HttpRequest& request, const Route& route) const {
    if (!request.from_loopback) {
        return failure(403, "failpoints are for clients on the server's own machine");
    }
    try {
        if (route.what == What::failpoints) {
            ordered_json list = ordered_json::array();
            for (const auto& state : failpoints_.states()) list.push_back(describe(state));
            return {200, dump({{"failpoints", list}}), {}};
        }
        if (request.method == "PUT") {
            failpoints_.put(route.step, parse_failpoint_rule(read_failpoint(request.body)));
        } else if (request.method == "DELETE") {
            failpoints_.remove(route.step);
        }
        return {200, dump(describe(failpoints_.state(route.step))), {}};
    } catch (const BadRequest& error) {
        return failure(400, error.what());
    } catch (const UsageError& error) {
        return failure(400, error.what());
    }
}

HttpResponse Api::answer(const HttpRequest& request, Context& context) {
    const Route route = route_of(request.target);
    const bool is_claim = is_about_a_claim(route.what);
    try {
        if (auto answered = answer_without_stores(request)) return *answered;
        if (route.what == What::campaigns) return create_campaign(request, context);
        const auto campaign = is_campaign_id(route.campaign)
                                  ? campaigns_.find(context.mysql(), route.campaign)
                                  : nullptr;
        if (!campaign) {
            const auto why = "there is no such campaign; create it with POST /campaigns";
            return is_claim ? claim_failure(404, Outcome::rejected, why) : failure(404, why);
        }
        switch (route.what) {
            case What::claims:
                return claim(request, *campaign, context);
            case What::claim:
                return poll(*campaign, route.claim, context);
            case What::close:
                return close(*campaign, context);
            case What::reconcile:
                return reconcile(*campaign, context);
            default:
                return show_campaign(*campaign, context);
        }
    } catch (const BadRequest& error) {
        return is_claim ? claim_failure(400, Outcome::rejected, error.what())
                        : failure(400, error.what());
    } catch (const std::exception& error) {
        log_.write(fmt::format("{} {}: {}", request.method, request.target, error.what()));
        return is_claim ? claim_failure(500, Outcome::unknown, error.what())
                        : failure(500, error.what());
    }
}

HttpResponse Api::create_campaign(const HttpRequest& request, Context& context) {
    const Campaign campaign = read_campaign(request.body);
    if (campaign.kind != entry_.kind) {
        return failure(400, fmt::format("\"kind\" must be \"{}\": that is what {} serves",
                                        to_string(entry_.kind), entry_.name));
    }
    flow_.check(campaign);
    flow_.prepare(context, campaign);
    campaigns_.put(campaign);
    return {201, dump(describe(campaign, flow_.state(context, campaign))), {}};
}

HttpResponse Api::show_campaign(const Campaign& campaign, Context& context) {
    return {200, dump(describe(campaign, flow_.state(context, campaign))), {}};
}

HttpResponse Api::claim(const HttpRequest& request, const Campaign& campaign, Context& context) {
    const std::string user = read_claim_user(request.body);
    const auto began = std::chrono::steady_clock::now();
    const auto waited_before = context.lock_waited();
    HttpResponse response = told(flow_.claim(context, campaign, user));
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - began;
    ++claims_served_;
    claim_ns_ += took.count();
    lock_wait_ns_ += (context.lock_waited() - waited_before).count();
    return response;
}

HttpResponse Api::poll(const Campaign& campaign, std::string_view claim_id, Context& context) {
    const auto result = flow_.poll(context, campaign, claim_id);
    if (result) return told(*result);
    return claim_failure(404, Outcome::rejected,
                         fmt::format("{} answers at once: there is nothing to poll", entry_.name));
}

HttpResponse Api::close(const Campaign& campaign, Context& context) {
    if (const auto archived = flow_.close(context, campaign)) return {200, dump(*archived), {}};
    return failure(404, fmt::format("{} has nothing to archive", entry_.name));
}

HttpResponse Api::reconcile(const Campaign& campaign, Context& context) {
    if (const auto mended = flow_.reconcile(context, campaign)) return {200, dump(*mended), {}};
    return failure(404, fmt::format("{} has nothing to reconcile", entry_.name));
}

}  // namespace claimstorm::reference
