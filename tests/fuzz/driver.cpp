// Runs a fuzz target without libFuzzer: all files of a corpus, then mutations of them, which are
// the same in every run. An input that ends the program is left in a file named on standard error.
//
//   fuzz_NAME [--mutations=N] FILE|FOLDER…
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

#include "tests/fuzz/claim.h"

// Only there with a sanitizer, whose reports end the program without a signal.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the runtime's name
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kInputBytesMax = 8192;

std::string current;     // NOLINT: read by the signal handler
std::string crash_path;  // NOLINT

/// Called in a dying program: nothing here allocates.
void keep_current() {
    const int file = ::open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0 || ::write(file, current.data(), current.size()) < 0) return;
    ::close(file);
    constexpr char kSay[] = "\nfuzz: the input is kept in ";
    if (::write(STDERR_FILENO, kSay, sizeof kSay - 1) < 0 ||
        ::write(STDERR_FILENO, crash_path.data(), crash_path.size()) < 0 ||
        ::write(STDERR_FILENO, "\n", 1) < 0) {
        return;
    }
}

void on_signal(int signal) {
    keep_current();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void run(std::string input) {
    current = std::move(input);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Files in the order of their names, so that every run is the same.
std::vector<std::string> read_corpus(const std::vector<fs::path>& paths) {
    std::vector<fs::path> files;
    for (const fs::path& path : paths) {
        if (!fs::is_directory(path)) files.push_back(path);
        if (!fs::is_directory(path)) continue;
        for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> corpus;
    corpus.reserve(files.size());
    for (const fs::path& file : files) corpus.push_back(read_file(file));
    return corpus;
}

class Mutator {
  public:
    explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

    std::string next() {
        std::string input = pick();
        for (std::size_t changes = 1 + below(4); changes > 0; --changes) change(input);
        if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
        return input;
    }

  private:
    /// Not a standard distribution: those differ from library to library.
    std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
    const std::string& pick() { return corpus_[below(corpus_.size())]; }

    std::string_view piece_of(const std::string& text) {
        const std::size_t at = below(text.size() + 1);
        return std::string_view(text).substr(at, below(64));
    }

    void change(std::string& input) {
        constexpr std::array<std::string_view, 18> kTelling = {"0",
                                                               "-1",
                                                               "9223372036854775807",
                                                               "18446744073709551616",
                                                               "1e9",
                                                               "1.5",
                                                               "\"",
                                                               "\r\n",
                                                               ",",
                                                               "{",
                                                               "}",
                                                               "[",
                                                               "\\u",
                                                               ":",
                                                               "\xEF\xBB\xBF",
                                                               "\xFF",
                                                               "/",
                                                               "{n}"};
        const std::size_t at = below(input.size() + 1);
        const std::size_t length = below(below(2) == 0 ? 4 : 64);
        switch (below(8)) {
            case 0:
                if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
                break;
            case 1:
                if (at < input.size()) input[at] = static_cast<char>(below(256));
                break;
            case 2:
                input.erase(at, length);
                break;
            case 3:
                input.insert(at, kTelling.at(below(kTelling.size())));
                break;
            case 4:
                input.insert(at, std::string(piece_of(input)));
                break;
            case 5:
                input.insert(at, piece_of(pick()));
                break;
            case 6:
                input.resize(at);
                break;
            default:
                input.insert(at, length, static_cast<char>(below(256)));
        }
    }

    const std::vector<std::string>& corpus_;
    std::mt19937_64 random_{42};
};

}  // namespace

int main(int argc, char** argv) {
    std::size_t mutations = 0;
    std::vector<fs::path> paths;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        constexpr std::string_view kMutations = "--mutations=";
        if (!argument.starts_with(kMutations)) {
            paths.emplace_back(argument);
            continue;
        }
        const std::string_view number = argument.substr(kMutations.size());
        std::from_chars(number.data(), number.data() + number.size(), mutations);
    }
    const std::vector<std::string> corpus = read_corpus(paths);
    if (corpus.empty()) {
        std::fprintf(stderr, "usage: %s [--mutations=N] FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    crash_path = fs::path(argv[0]).string() + ".crash";
    for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL, SIGBUS}) {
        std::signal(signal, on_signal);
    }
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_current);
    for (const std::string& input : corpus) run(input);
    Mutator mutator(corpus);
    for (std::size_t i = 0; i < mutations; ++i) run(mutator.next());
    std::printf("%zu seeds and %zu mutations of them\n", corpus.size(), mutations);
    return 0;
}
