#include "model/error.h"

#include <fmt/format.h>

namespace claimstorm {

std::string as_one_line(std::string_view text) {
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            line += "\\n";
        } else if (byte < 0x20 || byte == 0x7F) {
            line += fmt::format("\\x{:02x}", byte);
        } else {
            line.push_back(c);
        }
    }
    return line;
}

}  // namespace claimstorm
