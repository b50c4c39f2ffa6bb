#include "stores/text_queue.h"

#include <utility>

namespace claimstorm {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} * 1024;

}  // namespace

bool TextQueue::add(std::string_view text) {
    filling_.add(text);
    return filling_.bytes() < kBlockBytes || hand_over();
}

bool TextQueue::hand_over() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return left_ || bytes_ < bytes_max_; });
    if (left_) return false;
    bytes_ += filling_.bytes();
    blocks_.push_back(std::exchange(filling_, {}));
    changed_.notify_all();
    return true;
}

void TextQueue::finish(std::exception_ptr error) {
    const bool is_taken = filling_.empty() || hand_over();
    const std::lock_guard lock(mutex_);
    finished_ = true;
    if (is_taken) error_ = std::move(error);
    changed_.notify_all();
}

TextBlock TextQueue::take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished_ || !blocks_.empty(); });
    if (!blocks_.empty()) {
        TextBlock block = std::move(blocks_.front());
        blocks_.pop_front();
        bytes_ -= block.bytes();
        changed_.notify_all();
        return block;
    }
    if (error_) std::rethrow_exception(error_);
    return {};
}

void TextQueue::leave() {
    const std::lock_guard lock(mutex_);
    left_ = true;
    changed_.notify_all();
}

}  // namespace claimstorm
