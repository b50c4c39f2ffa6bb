#include "reference_server/worker_pool.h"

#include <utility>

namespace claimstorm::reference {

WorkerPool::WorkerPool(std::vector<std::unique_ptr<Context>> contexts, std::size_t capacity)
    : contexts_(std::move(contexts)), capacity_(capacity) {
    threads_.reserve(contexts_.size());
    for (const auto& context : contexts_) {
        threads_.emplace_back([this, &context = *context] { work(context); });
    }
}

WorkerPool::~WorkerPool() {
    stop();
}

bool WorkerPool::submit(Job job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopped_ || waiting_.size() >= capacity_) return false;
        waiting_.push_back(std::move(job));
    }
    wake_.notify_one();
    return true;
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        waiting_.clear();
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) thread.join();
    }
}

void WorkerPool::work(Context& context) {
    while (true) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
            if (stopped_) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        job(context);
    }
}

}  // namespace claimstorm::reference
