#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "scenarios/json_place.h"
#include "scenarios/scenario.h"

/// What target_file.cpp puts a target together from. All of it throws UsageError.
namespace claimstorm {

/// A call that may throw UsageError without knowing where its text stands.
template <typename Call>
auto placed(const JsonPlace& place, Call&& call) {
    try {
        return call();
    } catch (const UsageError& error) {
        place.fail(error.what());
    }
}

std::vector<OutcomeRule> read_outcomes(const JsonPlace& place);
ResponseFields read_fields(const JsonPlace& place);

MysqlEvidenceSpec read_mysql(const JsonPlace& place);
/// `user_template` says what the bits of a bitmap stand for where it does not say so itself; empty:
/// it must.
RedisEvidenceSpec read_redis(const JsonPlace& place, const std::string& user_template);

/// Refuses a placeholder between quotes: it would be a text, not a value (`'{campaign}'`).
void require_bindable(const JsonPlace& place, const std::string& sql,
                      const std::vector<std::string_view>& placeholders);

bool is_header_name(std::string_view name);

/// The words of a Redis command.
std::vector<std::string> read_command(const JsonPlace& place,
                                      const std::vector<std::string_view>& placeholders);

}  // namespace claimstorm
