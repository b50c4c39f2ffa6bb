#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reference_server/campaign_store.h"
#include "reference_server/error_log.h"
#include "reference_server/failpoints.h"
#include "reference_server/flows.h"
#include "reference_server/http_front.h"
#include "reference_server/requests.h"

namespace claimstorm::reference {

/// What the endpoints mean, free of sockets:
///   GET  /healthz
///   POST /campaigns                        create or reset a campaign: 201
///   GET  /campaigns/{id}                   its state
///   POST /campaigns/{id}/claims            claim: 200 409 410 503 202 400 500, see `outcome`
///   GET  /campaigns/{id}/claims/{claim}    what became of a pending claim
///   POST /campaigns/{id}/close             end the event and archive it
///   POST /campaigns/{id}/reconcile         compare the stores and put right what a fault left
///   GET  /stats                            claims served so far, time in them, waiting for locks
///   GET  /failpoints                       the steps, their failpoints, how often each fired
///   PUT  /failpoints/{step}                set one, {"do": "crash@3"}; GET and DELETE too
/// Failpoints are for clients on this machine alone (403). Unknown campaigns and paths are 404,
/// other methods 405, what cannot be understood 400; every answer is a JSON object, every answer to
/// a claim has an "outcome". Safe for all workers at once.
class Api {
  public:
    Api(const FlowEntry& entry, Flow& flow, Failpoints& failpoints, ErrorLog& log);

    /// The answer if it needs no store (health, unknown paths, wrong methods), else nullopt.
    std::optional<HttpResponse> answer_without_stores(const HttpRequest& request) const;
    /// The answer; does not throw.
    HttpResponse answer(const HttpRequest& request, Context& context);
    /// What a request is told that found the queue full or the server stopping.
    static HttpResponse busy();

  private:
    HttpResponse answer_failpoints(const HttpRequest& request, const Route& route) const;
    HttpResponse create_campaign(const HttpRequest& request, Context& context);
    HttpResponse show_campaign(const Campaign& campaign, Context& context);
    HttpResponse claim(const HttpRequest& request, const Campaign& campaign, Context& context);
    HttpResponse poll(const Campaign& campaign, std::string_view claim_id, Context& context);
    HttpResponse close(const Campaign& campaign, Context& context);
    HttpResponse reconcile(const Campaign& campaign, Context& context);

    const FlowEntry& entry_;
    Flow& flow_;
    Failpoints& failpoints_;
    ErrorLog& log_;
    CampaignDirectory campaigns_;
    // Over all claims since the start.
    std::atomic<std::int64_t> claims_served_{0};
    std::atomic<std::int64_t> claim_ns_{0};
    std::atomic<std::int64_t> lock_wait_ns_{0};
};

}  // namespace claimstorm::reference
