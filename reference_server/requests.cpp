#include "reference_server/requests.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/units.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxId = 64;
constexpr std::size_t kMaxUser = 64;
constexpr std::int64_t kMaxStock = 1'000'000'000;
constexpr std::int64_t kMaxBudgetCents = 1'000'000'000'000;

json read_object(std::string_view body) {
    json value = json::parse(body, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) throw BadRequest("the body is not JSON");
    if (!value.is_object()) throw BadRequest("the body is not a JSON object");
    return value;
}

/// 100 or "100".
std::optional<std::int64_t> as_whole_number(const json& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_string()) return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::int64_t number_in(const json& object, const char* key, std::int64_t min, std::int64_t max) {
    const auto number = as_whole_number(object.at(key));
    if (number && *number >= min && *number <= max) return *number;
    throw BadRequest(fmt::format("\"{}\" must be a whole number from {} to {}", key, min, max));
}

void refuse_unknown_keys(const json& object) {
    const std::vector<std::string_view> known = {"id", "kind", "stock", "per_user", "budget_cents"};
    for (const auto& [key, value] : object.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const auto near = did_you_mean(key, known);
        throw BadRequest(fmt::format("unknown key \"{}\"{}", key,
                                     near ? fmt::format(", did you mean \"{}\"?", *near) : ""));
    }
}

std::string made_up_id() {
    std::random_device device;
    return fmt::format("c{:08x}{:08x}", device(), device());
}

}  // namespace

Route route_of(std::string_view target) {
    const std::string_view path = target.substr(0, target.find_first_of("?#"));
    std::array<std::string_view, 5> parts;  // "/a/b/c/d" is "", a, b, c, d
    std::size_t count = 0;
    for (std::size_t begin = 0; begin <= path.size();) {
        if (count == parts.size()) return {};
        const std::size_t end = std::min(path.find('/', begin), path.size());
        parts[count++] = path.substr(begin, end - begin);
        begin = end + 1;
    }
    if (count < 2 || !parts[0].empty()) return {};
    if (count == 2 && parts[1] == "healthz") return {Route::What::health};
    if (count == 2 && parts[1] == "stats") return {Route::What::stats};
    if (parts[1] == "failpoints") {
        if (count == 2) return {Route::What::failpoints};
        if (count == 3 && !parts[2].empty()) return {Route::What::failpoint, {}, {}, parts[2]};
        return {};
    }
    if (parts[1] != "campaigns") return {};
    if (count == 2) return {Route::What::campaigns};
    if (parts[2].empty()) return {};
    if (count == 3) return {Route::What::campaign, parts[2]};
    if (count == 4 && parts[3] == "claims") return {Route::What::claims, parts[2]};
    if (count == 4 && parts[3] == "close") return {Route::What::close, parts[2]};
    if (count == 4 && parts[3] == "reconcile") return {Route::What::reconcile, parts[2]};
    if (count == 5 && parts[3] == "claims" && !parts[4].empty()) {
        return {Route::What::claim, parts[2], parts[4]};
    }
    return {};
}

std::string_view methods_of(Route::What what) noexcept {
    switch (what) {
        case Route::What::health:
        case Route::What::stats:
        case Route::What::campaign:
        case Route::What::claim:
        case Route::What::failpoints:
            return "GET";
        case Route::What::failpoint:
            return "GET, PUT, DELETE";
        case Route::What::campaigns:
        case Route::What::claims:
        case Route::What::close:
        case Route::What::reconcile:
            return "POST";
        case Route::What::nothing:
            break;
    }
    return "";
}

bool offers(Route::What what, std::string_view method) noexcept {
    std::string_view offered = methods_of(what);
    while (!offered.empty()) {
        const std::string_view one = offered.substr(0, offered.find(','));
        if (one == method) return true;
        offered.remove_prefix(std::min(one.size() + 2, offered.size()));
    }
    return false;
}

bool is_campaign_id(std::string_view id) noexcept {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    };
    return !id.empty() && id.size() <= kMaxId && std::all_of(id.begin(), id.end(), allowed);
}

Campaign read_campaign(std::string_view body) {
    const json object = read_object(body);
    refuse_unknown_keys(object);
    Campaign campaign;
    if (object.contains("id")) {
        const json& id = object["id"];
        if (!id.is_string() || !is_campaign_id(id.get_ref<const std::string&>())) {
            throw BadRequest("\"id\" must be a string of 1 to 64 of A-Z a-z 0-9 _ -");
        }
        campaign.id = id;
    } else {
        campaign.id = made_up_id();
    }
    const auto kind = object.contains("kind") && object["kind"].is_string()
                          ? campaign_kind_from(object["kind"].get_ref<const std::string&>())
                          : std::nullopt;
    if (!kind) throw BadRequest("\"kind\" must be \"coupon\" or \"envelope\"");
    campaign.kind = *kind;
    if (!object.contains("stock")) throw BadRequest("\"stock\" is missing");
    campaign.stock = number_in(object, "stock", 0, kMaxStock);
    if (object.contains("per_user")) {
        campaign.per_user = number_in(object, "per_user", 1, kMaxStock);
    }
    if (object.contains("budget_cents") && !object["budget_cents"].is_null()) {
        campaign.budget_cents = number_in(object, "budget_cents", 0, kMaxBudgetCents);
    }
    if (campaign.kind == CampaignKind::envelope && !campaign.budget_cents) {
        throw BadRequest("\"budget_cents\" is missing: envelopes share a budget");
    }
    if (campaign.kind == CampaignKind::envelope && *campaign.budget_cents < campaign.stock) {
        throw BadRequest("\"budget_cents\" must be at least 1 for each of \"stock\"");
    }
    return campaign;
}

std::string read_failpoint(std::string_view body) {
    const json object = read_object(body);
    const auto what = object.find("do");
    if (object.size() != 1 || what == object.end() || !what->is_string()) {
        throw BadRequest(R"(write it as {"do": "pause(50ms)@3"})");
    }
    return *what;
}

std::string read_claim_user(std::string_view body) {
    const json object = read_object(body);
    const auto user = object.find("user");
    if (user == object.end()) throw BadRequest("\"user\" is missing");
    if (!user->is_string()) throw BadRequest("\"user\" must be a string");
    const auto& name = user->get_ref<const std::string&>();
    if (name.empty() || name.size() > kMaxUser) {
        throw BadRequest(fmt::format("\"user\" must have 1 to {} bytes", kMaxUser));
    }
    return name;
}

}  // namespace claimstorm::reference
