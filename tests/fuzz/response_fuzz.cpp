// Any bytes as an HTTP/1.1 response. The first byte chooses: a HEAD request (bit 0), wanted headers
// (bit 1), the stream's end behind the bytes (bit 2). Whole, byte by byte, and in pieces, they say
// the same, and never hold more than the limits.
#include <string>

#include "storm/response_reader.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

namespace {

using Progress = ResponseReader::Progress;

struct Reading {
    Exchange exchange;
    Progress progress = Progress::wants_more;
    TransportError error = TransportError::none;
    bool may_go_on = false;
};

void check_bounds(const Exchange& exchange, const ResponseReader& reader) {
    fuzz::claim(exchange.body.size() <= ResponseParser::kBodyBytesMax, "the body has its limit");
    fuzz::claim(exchange.headers.size() <= ResponseReader::kUnparsedBytesMax * 2,
                "the headers have their limit");
    fuzz::claim(reader.unparsed_bytes() <= ResponseReader::kUnparsedBytesMax,
                "what waits for more has its limit");
}

Reading read(std::string_view bytes, std::size_t piece, std::uint8_t choices) {
    static const HeaderNames wanted = {"Location", "X-Claim"};
    Reading reading;
    reading.exchange.head = (choices & 1U) != 0;
    reading.exchange.wanted_headers = (choices & 2U) != 0 ? &wanted : nullptr;
    ResponseReader reader(reading.exchange);
    reader.begin();
    while (!bytes.empty() && reading.progress == Progress::wants_more) {
        reading.progress = reader.take(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        check_bounds(reading.exchange, reader);
    }
    if (reading.progress == Progress::wants_more && (choices & 4U) != 0) {
        reading.progress = reader.take_end();
    }
    reading.error = reader.error();
    fuzz::claim((reading.progress == Progress::failed) == (reading.error != TransportError::none),
                "whatever fails says how");
    if (reading.progress != Progress::done) return reading;
    fuzz::claim(reading.exchange.status >= 200 || reading.exchange.status < 100,
                "no interim response is the final one");
    reading.may_go_on = reader.may_go_on() && bytes.empty();
    return reading;
}

void check_same(const Reading& whole, const Reading& pieces) {
    // Of a header that has not ended, the parser may see at once, or only with its end, that it is
    // none. It is no response either way.
    const bool is_done = whole.progress == Progress::done;
    fuzz::claim(is_done == (pieces.progress == Progress::done), "pieces end as the whole does");
    if (!is_done) return;
    fuzz::claim(whole.exchange.status == pieces.exchange.status, "pieces have the same status");
    fuzz::claim(whole.exchange.body == pieces.exchange.body, "pieces have the same body");
    fuzz::claim(whole.exchange.headers == pieces.exchange.headers, "pieces have the same headers");
    fuzz::claim(whole.may_go_on == pieces.may_go_on, "pieces leave the stream as usable");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes = fuzz::text_of(data, size);
    const std::uint8_t choices = fuzz::take_byte(bytes);
    const Reading whole = read(bytes, bytes.size(), choices);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
        check_same(whole, read(bytes, piece, choices));
    }
    return 0;
}
