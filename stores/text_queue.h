#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// Texts one behind the other.
class TextBlock {
  public:
    void add(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(bytes_.size());
    }
    std::size_t size() const noexcept { return ends_.size(); }
    bool empty() const noexcept { return ends_.empty(); }
    /// Precondition: `at < size()`.
    std::string_view operator[](std::size_t at) const noexcept {
        const std::size_t begin = at == 0 ? 0 : ends_[at - 1];
        return std::string_view(bytes_).substr(begin, ends_[at] - begin);
    }
    /// Of the texts, without what keeps them apart.
    std::size_t bytes() const noexcept { return bytes_.size(); }

  private:
    std::string bytes_;
    std::vector<std::size_t> ends_;
};

/// Hands texts from one thread, which reads them, to another, which takes them in the same order.
/// Holds up to `bytes_max` bytes of texts; whoever adds more waits until some were taken.
class TextQueue {
  public:
    explicit TextQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// For the thread that reads. False: nobody takes any more, so it may as well end.
    bool add(std::string_view text);
    /// Nothing is added any more; with an error: because of it.
    void finish(std::exception_ptr error = nullptr);

    /// For the thread that takes: the next texts, waited for; empty when all were taken. Throws the
    /// error that the reading ended with.
    TextBlock take();
    /// Nothing is taken any more.
    void leave();

  private:
    bool hand_over();

    const std::size_t bytes_max_;
    TextBlock filling_;  // belongs to the thread that reads
    std::mutex mutex_;   // of all below
    std::condition_variable changed_;
    std::deque<TextBlock> blocks_;
    std::size_t bytes_ = 0;  // in `blocks_`
    std::exception_ptr error_;
    bool finished_ = false;
    bool left_ = false;
};

}  // namespace claimstorm
