#include "stores/evidence_reader.h"

namespace claimstorm {

EvidenceReader::EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign) {
    // {campaign} is all that evidence may mention.
    const Placeholders placeholders{{"campaign"}, {campaign.id}};
    if (spec.mysql) mysql_.emplace(*spec.mysql, placeholders);
    if (spec.redis) redis_.emplace(*spec.redis, placeholders);
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

}  // namespace claimstorm
