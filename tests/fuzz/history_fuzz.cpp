// history.bin: any bytes give a history or a UsageError, every attempt's user and claim id are
// there, and attempts read back as they were written. The first byte chooses what the rest is:
//   'r'  the file itself
//   'c'  chunks to be framed with sound checksums: type, records, length, payload, one behind the
//        other (a fuzzer would hardly ever find a checksum)
//   'a'  the payload of a chunk of attempts
#include <string>

#include <nlohmann/json.hpp>

#include "model/error.h"
#include "storm/chunk_file.h"
#include "storm/history_codec.h"
#include "storm/history_file.h"
#include "tests/fuzz/claim.h"
#include "tests/fuzz/scratch_file.h"

using namespace claimstorm;

namespace {

constexpr std::size_t kNotesBytesMax = std::size_t{16} * 1024;

bool is_same(const Attempt& a, const Attempt& b) {
    return a.user == b.user && a.number == b.number && a.outcome == b.outcome &&
           a.transport_error == b.transport_error && a.http_status == b.http_status &&
           a.due_ns == b.due_ns && a.sent_ns == b.sent_ns && a.first_byte_ns == b.first_byte_ns &&
           a.done_ns == b.done_ns && a.waited == b.waited && a.campaign == b.campaign &&
           a.ticket == b.ticket && a.amount_cents == b.amount_cents;
}

void check_attempts(std::string_view payload) {
    TimeNs previous = 0;
    TimeNs written_previous = 0;
    TimeNs again_previous = 0;
    Attempt attempt;
    std::string_view claim_id;
    while (!payload.empty() &&
           history_format::decode_attempt(payload, attempt, claim_id, previous)) {
        std::string written;
        history_format::encode_attempt(written, attempt, claim_id, written_previous);
        std::string_view rest = written;
        Attempt again;
        std::string_view again_id;
        fuzz::claim(
            history_format::decode_attempt(rest, again, again_id, again_previous) && rest.empty(),
            "an attempt that was written is read");
        fuzz::claim(is_same(attempt, again) && claim_id == again_id,
                    "an attempt reads back as it was written");
    }
}

/// A storm of a hundred million users is a history like another, but too slow to fuzz.
bool names_a_crowd(std::string_view payload) {
    const nlohmann::json header = nlohmann::json::parse(payload, nullptr, false);
    if (!header.is_object() || !header.contains("users")) return false;
    const auto& users = header.at("users");
    return users.is_number() && !(users.get<double>() <= 1000);
}

std::string framed(std::string_view text) {
    std::string file(history_format::kFileMagic);
    while (!text.empty()) {
        const char type = static_cast<char>(fuzz::take_byte(text));
        const std::uint32_t records = fuzz::take_byte(text);
        const std::size_t length = fuzz::take_byte(text);
        const std::string_view payload = text.substr(0, length);
        text.remove_prefix(payload.size());
        if (type == 'H' && names_a_crowd(payload)) continue;
        file += encode_chunk(type, records, payload);
    }
    return file;
}

void check_file(const std::string& path) {
    Names names;
    TextPool texts;
    try {
        const HistoryContents contents = read_history(path, names, texts);
        for (const Attempt& attempt : contents.history.attempts) {
            fuzz::claim(attempt.user < names.size(), "every attempt's user has a name");
            names.name(attempt.user);
            if (attempt.claim_id != kNoText) {
                fuzz::claim(!texts.view(attempt.claim_id).empty(), "a claim id is there");
            }
        }
        fuzz::claim(contents.history.missing_tail.size() < kNotesBytesMax,
                    "what is missing is told in few words");
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::ScratchFile file;
    std::string_view text = fuzz::text_of(data, size);
    const char choice = static_cast<char>(fuzz::take_byte(text));
    if (choice == 'a') {
        check_attempts(text);
        return 0;
    }
    file.fill(choice == 'c' ? framed(text) : std::string(text));
    check_file(file.path());
    return 0;
}
