#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/claim.h"

namespace claimstorm::fuzz {

/// A file in memory that is given new contents for each input, for what reads files.
class ScratchFile {
  public:
    ScratchFile() : file_(::memfd_create("fuzz", 0)) { claim(file_ >= 0, "there is a file"); }
    ~ScratchFile() { ::close(file_); }
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;

    void fill(std::string_view bytes) const {
        claim(::ftruncate(file_, 0) == 0, "the file can be emptied");
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t n =
                ::pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
            claim(n > 0, "the file can be written");
            done += static_cast<std::size_t>(n);
        }
    }

    std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

  private:
    int file_;
};

}  // namespace claimstorm::fuzz
