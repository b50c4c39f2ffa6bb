#include "scenarios/ledger_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "model/error.h"
#include "model/told_ids.h"
#include "storm/chunk_file.h"

namespace claimstorm {
namespace {

constexpr std::string_view kFileMagic = "claimstorm ledger 1\n";
constexpr std::size_t kChunkBytes = std::size_t{256} * 1024;

enum RowFlag : std::uint8_t { has_claim_id = 1, has_ticket = 2, has_amount = 4, has_user = 8 };

/// Gathers records into chunks of one type.
class ChunkWriter {
  public:
    ChunkWriter(std::ofstream& out, char type) : out_(out), type_(type) {}
    ~ChunkWriter() { flush(); }
    ChunkWriter(const ChunkWriter&) = delete;
    ChunkWriter& operator=(const ChunkWriter&) = delete;

    std::string& payload() { return payload_; }
    void end_record() {
        ++records_;
        if (payload_.size() >= kChunkBytes) flush();
    }

  private:
    void flush() {
        if (records_ == 0) return;
        out_ << encode_chunk(type_, records_, payload_);
        payload_.clear();
        records_ = 0;
    }

    std::ofstream& out_;
    char type_;
    std::string payload_;
    std::uint32_t records_ = 0;
};

void write_rows(std::ofstream& out, char type, const Reading<Ledger>& ledger,
                const Evidence& evidence) {
    if (!ledger.is_read()) return;
    ChunkWriter chunk(out, type);
    for (const ClaimRow& row : ledger->rows) {
        const std::string_view claim_id = evidence.texts.view(row.claim_id);
        unsigned flags = 0;
        if (row.claim_id != kNoText) flags |= has_claim_id;
        if (row.ticket != kNoNumber) flags |= has_ticket;
        if (row.amount_cents != kNoNumber) flags |= has_amount;
        chunk.payload().push_back(static_cast<char>(flags));
        put_text(chunk.payload(), evidence.users.name(row.user));
        if (row.claim_id != kNoText) put_text(chunk.payload(), claim_id);
        if (row.ticket != kNoNumber) put_difference(chunk.payload(), row.ticket, 0);
        if (row.amount_cents != kNoNumber) put_difference(chunk.payload(), row.amount_cents, 0);
        chunk.end_record();
    }
}

void write_payouts(std::ofstream& out, char type, const Reading<Payouts>& payouts,
                   const Evidence& evidence) {
    if (!payouts.is_read()) return;
    ChunkWriter chunk(out, type);
    for (const PayoutRow& payout : payouts->rows) {
        unsigned flags = 0;
        if (payout.claim_id != kNoText) flags |= has_claim_id;
        if (payout.user != kNoUser) flags |= has_user;
        chunk.payload().push_back(static_cast<char>(flags));
        put_difference(chunk.payload(), payout.amount_cents, 0);
        if (payout.claim_id != kNoText) {
            put_text(chunk.payload(), evidence.texts.view(payout.claim_id));
        }
        if (payout.user != kNoUser) put_text(chunk.payload(), evidence.users.name(payout.user));
        chunk.end_record();
    }
}

void write_users(std::ofstream& out, char type, const Reading<std::vector<UserId>>& users,
                 const Evidence& evidence) {
    if (!users.is_read()) return;
    ChunkWriter chunk(out, type);
    for (const UserId user : *users) {
        put_text(chunk.payload(), evidence.users.name(user));
        chunk.end_record();
    }
}

bool read_row(std::string_view& payload, Evidence& evidence, const ToldIds& told, Ledger& ledger) {
    ClaimRow row;
    std::uint8_t flags = 0;
    std::string_view user;
    std::string_view claim_id;
    if (!get_byte(payload, flags) || !get_text(payload, user)) return false;
    if ((flags & has_claim_id) != 0 && !get_text(payload, claim_id)) return false;
    if ((flags & has_ticket) != 0 && !get_difference(payload, row.ticket, 0)) return false;
    if ((flags & has_amount) != 0 && !get_difference(payload, row.amount_cents, 0)) return false;
    row.user = evidence.users.intern(user);
    if ((flags & has_claim_id) != 0) {
        row.claim_id = told.add(evidence.texts, row.user, claim_id);
    }
    ledger.rows.push_back(row);
    return true;
}

bool read_user(std::string_view& payload, Evidence& evidence, std::vector<UserId>& users) {
    std::string_view user;
    if (!get_text(payload, user)) return false;
    users.push_back(evidence.users.intern(user));
    return true;
}

bool read_payout(std::string_view& payload, Evidence& evidence, Payouts& payouts) {
    PayoutRow payout;
    std::uint8_t flags = 0;
    std::string_view claim_id;
    std::string_view user;
    if (!get_byte(payload, flags) || !get_difference(payload, payout.amount_cents, 0)) return false;
    if ((flags & has_claim_id) != 0 && !get_text(payload, claim_id)) return false;
    if ((flags & has_user) != 0 && !get_text(payload, user)) return false;
    if ((flags & has_claim_id) != 0) payout.claim_id = evidence.texts.add(claim_id);
    if ((flags & has_user) != 0) payout.user = evidence.users.intern(user);
    payouts.rows.push_back(payout);
    return true;
}

/// One chunk's records into where they belong; false when they make no sense.
bool read_chunk(const ChunkHeader& header, std::string_view payload, const ToldIds& told,
                Evidence& evidence) {
    constexpr std::string_view kBaselineTypes = "bcp";
    Snapshot& snapshot = kBaselineTypes.find(header.type) != std::string_view::npos
                             ? evidence.before
                             : evidence.after;
    const auto read_all = [&](auto& reading, auto&& read_one) {
        if (!reading.is_read()) return false;
        for (std::uint32_t i = 0; i < header.records; ++i) {
            if (!read_one(payload, evidence, reading.value())) return false;
        }
        return payload.empty();
    };
    switch (header.type) {
        case 'b':
        case 'f':
            return read_all(snapshot.ledger,
                            [&told](std::string_view& row, Evidence& into, Ledger& ledger) {
                                return read_row(row, into, told, ledger);
                            });
        case 'c':
        case 'd':
            return read_all(snapshot.cache_users, read_user);
        case 'p':
        case 'q':
            return read_all(snapshot.payouts, read_payout);
        default:
            return false;
    }
}

void distrust(Snapshot& snapshot, const std::string& why) {
    if (snapshot.ledger.is_read()) snapshot.ledger = Unreadable{why};
    if (snapshot.cache_users.is_read()) snapshot.cache_users = Unreadable{why};
    if (snapshot.payouts.is_read()) snapshot.payouts = Unreadable{why};
}

/// What is wrong with the file; empty when it was read whole.
std::string read_all_chunks(const std::filesystem::path& path, Evidence& evidence) {
    ChunkReader chunks(path, kFileMagic);
    if (!chunks.has_format()) return "it is not a claimstorm ledger (version 1)";
    const ToldIds told(evidence.history.attempts, evidence.users.size());
    ChunkHeader header;
    std::string_view payload;
    bool closed = false;
    while (chunks.next(header, payload)) {
        if (header.type == 'E') {
            closed = true;
        } else if (!read_chunk(header, payload, told, evidence)) {
            chunks.reject_last(header.records);
        }
    }
    if (!closed) chunks.note("the tail is missing");
    return chunks.notes();
}

}  // namespace

void write_ledger_file(const std::filesystem::path& path, const Evidence& evidence) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << kFileMagic;
    write_rows(out, 'b', evidence.before.ledger, evidence);
    write_rows(out, 'f', evidence.after.ledger, evidence);
    write_users(out, 'c', evidence.before.cache_users, evidence);
    write_users(out, 'd', evidence.after.cache_users, evidence);
    write_payouts(out, 'p', evidence.before.payouts, evidence);
    write_payouts(out, 'q', evidence.after.payouts, evidence);
    out << encode_chunk('E', 0, {});
    out.close();
    if (!out) {
        throw EnvironmentError(
            fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
    }
}

void read_ledger_file(const std::filesystem::path& path, Evidence& evidence) {
    std::string why;
    try {
        why = read_all_chunks(path, evidence);
    } catch (const EnvironmentError& error) {
        why = error.what();
    }
    // A ledger with a hole in it would accuse or acquit wrongly: all of it or nothing.
    if (!why.empty()) {
        why = fmt::format("{}: {}", path.filename().string(), why);
        distrust(evidence.before, why);
        distrust(evidence.after, why);
    }
}

}  // namespace claimstorm
