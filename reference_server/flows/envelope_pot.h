#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "model/campaign.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {

/// What is left of an event whose amounts are drawn while it goes on: the table `envelope_pots`.
struct Pot {
    std::int64_t left = 0;   ///< envelopes
    std::int64_t cents = 0;  ///< for all of them together
};

void create_pot_table(MysqlConnection& mysql);
/// All envelopes, all money.
void fill_pot(MysqlConnection& mysql, const Campaign& campaign);

/// The pot as the connection sees it. Throws EnvironmentError when it has no row.
Pot read_pot(MysqlConnection& mysql, std::string_view campaign);
/// The newest pot, its row locked until the transaction ends. Throws EnvironmentError.
Pot lock_pot(MysqlConnection& mysql, std::string_view campaign);
/// One envelope and its cents less, whatever the row holds; the sold-out mark with the last one.
void take_from_pot(MysqlConnection& mysql, std::string_view campaign, std::int64_t cents);

/// A draw of double_mean (amounts.h): while there is a cent for each envelope left, so there is
/// afterwards. Once others have drawn more than that, a cent. Precondition: pot.left >= 1.
std::int64_t draw_amount(const Pot& pot, std::mt19937_64& random);

/// mysql.stock of a target file.
std::string pot_query();
/// What GET /campaigns/{id} shows.
CampaignState pot_state(MysqlConnection& mysql, std::string_view campaign);

}  // namespace claimstorm::reference
