#include "storm/chunk_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr std::string_view kMagic = "CSCK";
constexpr std::size_t kHeaderBytes = 24;
constexpr std::uint32_t kPayloadBytesMax = 16U << 20U;
/// Places of damage that are told one by one.
constexpr int kDamagesMax = 20;

std::uint32_t crc32_of(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void put_u32(std::string& out, std::uint32_t value) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        out.push_back(static_cast<char>((value >> shift) & 0xFFU));
    }
}

std::uint32_t get_u32(std::string_view bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) {
        value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    }
    return value;
}

/// nullopt when these are not the first 24 bytes of a chunk, or were damaged.
std::optional<ChunkHeader> decode_header(std::string_view bytes) {
    if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return std::nullopt;
    if (get_u32(bytes, 20) != crc32_of(bytes.substr(0, 20))) return std::nullopt;
    const ChunkHeader header{bytes[4], get_u32(bytes, 8), get_u32(bytes, 12), get_u32(bytes, 16)};
    if (header.payload_bytes > kPayloadBytesMax) return std::nullopt;
    return header;
}

}  // namespace

std::string encode_chunk(char type, std::uint32_t records, std::string_view payload) {
    std::string chunk(kMagic);
    chunk.reserve(kHeaderBytes + payload.size());
    chunk.push_back(type);
    chunk.append(3, '\0');
    put_u32(chunk, records);
    put_u32(chunk, static_cast<std::uint32_t>(payload.size()));
    put_u32(chunk, crc32_of(payload));
    put_u32(chunk, crc32_of(chunk));
    chunk.append(payload);
    return chunk;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
    const auto fail = [&](int error) {
        throw EnvironmentError(
            fmt::format("cannot read {}: {}", path.string(), std::strerror(error)));
    };
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(errno);
    struct stat status {};
    int error = ::fstat(file, &status) == 0 ? 0 : errno;
    size_ = static_cast<std::size_t>(status.st_size);
    if (error == 0 && size_ > 0) {
        data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
        if (data_ == MAP_FAILED) {
            error = errno;
            data_ = nullptr;
        }
    }
    ::close(file);
    if (error != 0) fail(error);
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) ::munmap(data_, size_);
}

void MappedFile::release_before(std::size_t at) noexcept {
    constexpr std::size_t kPiece = std::size_t{4} << 20;  // a multiple of every page size
    const std::size_t end = at / kPiece * kPiece;
    if (end <= released_) return;
    ::madvise(static_cast<char*>(data_) + released_, end - released_, MADV_DONTNEED);
    released_ = end;
}

ChunkReader::ChunkReader(const std::filesystem::path& path, std::string_view first_line)
    : file_(path),
      bytes_(file_.bytes()),
      has_format_(bytes_.starts_with(first_line)),
      at_(has_format_ ? first_line.size() : bytes_.size()) {}

bool ChunkReader::next(ChunkHeader& header, std::string_view& payload) {
    file_.release_before(at_);
    while (at_ < bytes_.size()) {
        const std::string_view rest = bytes_.substr(at_);
        const auto decoded = decode_header(rest);
        if (!decoded) {
            skip_damage();
            continue;
        }
        if (rest.size() - kHeaderBytes < decoded->payload_bytes) {
            note_damage(fmt::format("the file ends inside the chunk at byte {}", at_));
            return false;
        }
        chunk_at_ = at_;
        payload = rest.substr(kHeaderBytes, decoded->payload_bytes);
        at_ += kHeaderBytes + decoded->payload_bytes;
        if (crc32_of(payload) != decoded->payload_crc) {
            note_damage(fmt::format(
                "the chunk at byte {} has a wrong checksum: its {} records are not used", chunk_at_,
                decoded->records));
            continue;
        }
        header = *decoded;
        return true;
    }
    return false;
}

void ChunkReader::reject_last(std::uint64_t records) {
    note_damage(fmt::format("the chunk at byte {} cannot be decoded: its {} records are not used",
                            chunk_at_, records));
}

void ChunkReader::note(const std::string& what) {
    if (!notes_.empty()) notes_ += "; ";
    notes_ += what;
}

void ChunkReader::note_damage(const std::string& what) {
    ++damages_;
    if (damages_ < kDamagesMax) note(what);
    if (damages_ == kDamagesMax) note("and so on");
}

void ChunkReader::skip_damage() {
    const std::size_t found = bytes_.find(kMagic, at_ + 1);
    const std::size_t to = found == std::string_view::npos ? bytes_.size() : found;
    note_damage(fmt::format("bytes {} to {} are damaged or torn", at_, to));
    at_ = to;
}

void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>((value & 0x7F) | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

void put_difference(std::string& out, std::int64_t value, std::int64_t base) {
    const auto difference = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) -
                                                      static_cast<std::uint64_t>(base));
    put_varint(out, (static_cast<std::uint64_t>(difference) << 1) ^
                        static_cast<std::uint64_t>(difference >> 63));
}

void put_text(std::string& out, std::string_view text) {
    put_varint(out, text.size());
    out.append(text);
}

bool get_byte(std::string_view& bytes, std::uint8_t& value) {
    if (bytes.empty()) return false;
    value = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    return true;
}

bool get_varint(std::string_view& bytes, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        std::uint8_t byte = 0;
        if (!get_byte(bytes, byte)) return false;
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) return true;
    }
    return false;
}

bool get_difference(std::string_view& bytes, std::int64_t& value, std::int64_t base) {
    std::uint64_t zigzag = 0;
    if (!get_varint(bytes, zigzag)) return false;
    const std::uint64_t difference = (zigzag >> 1) ^ (0 - (zigzag & 1));
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + difference);
    return true;
}

bool get_text(std::string_view& bytes, std::string_view& text) {
    std::uint64_t length = 0;
    if (!get_varint(bytes, length) || length > bytes.size()) return false;
    text = bytes.substr(0, length);
    bytes.remove_prefix(length);
    return true;
}

}  // namespace claimstorm
