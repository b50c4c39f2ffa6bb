#include "stores/evidence_reader.h"

namespace claimstorm {

EvidenceReader::EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign,
                               const Options& options) {
    // {campaign} is all that evidence may mention.
    const Placeholders placeholders{{"campaign"}, {campaign.id}};
    if (spec.mysql) mysql_.emplace(*spec.mysql, placeholders, options.mysql);
    if (spec.redis) redis_.emplace(*spec.redis, placeholders, options.redis);
}

void EvidenceReader::require_reachable() {
    if (mysql_) mysql_->require_reachable();
    if (redis_) redis_->require_reachable();
}

Snapshot EvidenceReader::take(Names& names, TextPool& texts, const AttemptList* told) {
    Snapshot snapshot;
    if (redis_ && mysql_) redis_->begin_to_take();
    if (mysql_) mysql_->take(snapshot, names, texts, told);
    if (redis_) redis_->take(snapshot, names);
    return snapshot;
}

Pulse EvidenceReader::pulse() {
    Pulse pulse;
    if (mysql_) mysql_->add_pulse(pulse);
    if (redis_) redis_->add_pulse(pulse);
    return pulse;
}

Reading<std::int64_t> EvidenceReader::count_claims() {
    return mysql_ ? mysql_->count_claims() : Reading<std::int64_t>();
}

Reading<std::int64_t> EvidenceReader::cache_remaining() {
    return redis_ ? redis_->read_remaining() : Reading<std::int64_t>();
}

Reading<std::int64_t> EvidenceReader::backlog(bool& at_once) {
    at_once = true;
    return redis_ ? redis_->read_backlog(at_once) : Reading<std::int64_t>();
}

}  // namespace claimstorm
