#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// Files of checksummed chunks, read back as far as they are sound: history.bin and ledger.bin.
/// All integers are little-endian.
///
///   file   = a line of text that names the format and its version · chunk…
///   chunk  = magic "CSCK" · type u8 · 3 zero bytes · records u32 · payload bytes u32 ·
///            payload crc32 u32 · crc32 of the 20 bytes before u32 · payload
namespace claimstorm {

struct ChunkHeader {
    char type = 0;
    std::uint32_t records = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t payload_crc = 0;
};

/// The header and behind it the payload. A payload has at most 16 MiB.
std::string encode_chunk(char type, std::uint32_t records, std::string_view payload);

/// A file mapped read-only for as long as this lives. Throws EnvironmentError when it cannot be.
class MappedFile {
  public:
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    /// Gives back the memory of what stands before `at`, now and then; it can still be read, at the
    /// price of being loaded again. A file of gigabytes is read through in a few megabytes.
    void release_before(std::size_t at) noexcept;

    std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

  private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t released_ = 0;
};

/// Walks the chunks of a file, behind its first line, in a few megabytes of memory. Damage is noted
/// for a person and skipped by looking for where the next chunk starts.
class ChunkReader {
  public:
    /// Throws EnvironmentError when the file cannot be read.
    ChunkReader(const std::filesystem::path& path, std::string_view first_line);

    /// Whether the file begins with that line. One that does not has no chunks.
    bool has_format() const noexcept { return has_format_; }
    /// False at the end of what can be read. `payload` views the file, for as long as this lives.
    bool next(ChunkHeader& header, std::string_view& payload);
    /// The last chunk's payload had a sound checksum and yet made no sense.
    void reject_last(std::uint64_t records);
    void note(const std::string& what);
    /// What is damaged or missing; empty when nothing is.
    const std::string& notes() const noexcept { return notes_; }

  private:
    void skip_damage();
    void note_damage(const std::string& what);

    MappedFile file_;
    std::string_view bytes_;  // of the file
    bool has_format_;
    std::size_t at_;
    std::size_t chunk_at_ = 0;
    std::string notes_;
    int damages_ = 0;
};

/// The integers of a payload: LEB128, and signed differences in zigzag form. Differences are taken
/// modulo 2^64 and put back the same way, so that no pair of values overflows.
void put_varint(std::string& out, std::uint64_t value);
void put_difference(std::string& out, std::int64_t value, std::int64_t base);
void put_text(std::string& out, std::string_view text);

// Each takes a value off the front of `bytes`; false when there is none.
bool get_byte(std::string_view& bytes, std::uint8_t& value);
bool get_varint(std::string_view& bytes, std::uint64_t& value);
bool get_difference(std::string_view& bytes, std::int64_t& value, std::int64_t base);
bool get_text(std::string_view& bytes, std::string_view& text);

}  // namespace claimstorm
