#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "reference_server/context.h"

namespace claimstorm::reference {

/// Threads that do blocking work, each with a Context of its own, behind one bounded queue.
class WorkerPool {
  public:
    using Job = std::function<void(Context&)>;

    /// Starts one thread a context. `capacity`: how many jobs may wait.
    WorkerPool(std::vector<std::unique_ptr<Context>> contexts, std::size_t capacity);
    /// Ends as `stop` does.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Queues a job, which must not throw. False when the queue is full or the pool has stopped.
    bool submit(Job job);
    /// Lets running jobs end, drops waiting ones, joins the threads.
    void stop();

  private:
    void work(Context& context);

    std::vector<std::unique_ptr<Context>> contexts_;
    std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool stopped_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace claimstorm::reference
