#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/campaign.h"
#include "reference_server/flow.h"
#include "stores/mysql.h"

namespace claimstorm::reference {

/// `cs:{campaign}:…`: every key of a campaign begins so.
std::string key_of(std::string_view campaign, std::string_view what);
/// The counter that says how many units the cache believes are left.
std::string remaining_key(std::string_view campaign);

std::string_view to_string(CampaignKind kind) noexcept;
std::optional<CampaignKind> campaign_kind_from(std::string_view name) noexcept;

/// Makes the tables `campaigns` and `claims` if they are missing.
void create_tables(MysqlConnection& mysql);

/// Puts the campaign's row to its start and removes its claims, in one transaction.
void write_campaign(MysqlConnection& mysql, const Campaign& campaign);

/// The campaign's row and the number of its claims. Throws EnvironmentError when the row is gone.
CampaignState read_state(MysqlConnection& mysql, std::string_view id);

/// The campaigns this server knows, so that a claim need not ask the database what its campaign
/// is. Safe for all workers. One server process serves a campaign: what another one resets is not
/// seen here.
class CampaignDirectory {
  public:
    using Entry = std::shared_ptr<const Campaign>;

    /// From memory, else from the table; null when there is no such campaign. Throws MysqlError.
    Entry find(MysqlConnection& mysql, std::string_view id);
    void put(const Campaign& campaign);

  private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;  // NOLINT(readability-identifier-naming): the library's name
    };
    void make_room();

    std::shared_mutex mutex_;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> known_;
};

}  // namespace claimstorm::reference
