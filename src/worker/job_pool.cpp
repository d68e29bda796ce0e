#include "worker/job_pool.h"

namespace tilepool {

JobPool::JobPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

JobPool::~JobPool() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  may_run_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void JobPool::submit(std::uint64_t id, Job job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(id, std::move(job));
    ++unfinished_;
  }
  may_run_.notify_one();
}

void JobPool::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    may_run_.wait(lock, [&] { return quit_ || !waiting_.empty(); });
    if (quit_) return;
    const Job job = std::move(waiting_.front().second);
    waiting_.pop_front();
    lock.unlock();
    Completion completion = job();
    lock.lock();
    finished_.push_back(std::move(completion));
  }
}

bool JobPool::poll() {
  std::unique_lock lock(mutex_);
  if (threads_.empty() && finished_.empty() && !waiting_.empty()) {
    const Job job = std::move(waiting_.front().second);
    waiting_.pop_front();
    lock.unlock();
    job()();
    lock.lock();
    --unfinished_;
    return true;
  }
  if (finished_.empty()) return false;
  const Completion completion = std::move(finished_.front());
  finished_.pop_front();
  lock.unlock();
  completion();
  lock.lock();
  --unfinished_;
  return true;
}

std::vector<std::uint64_t> JobPool::drop_waiting() {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t> dropped;
  for (const auto& [id, job] : waiting_) dropped.push_back(id);
  unfinished_ -= waiting_.size();
  waiting_.clear();
  return dropped;
}

std::size_t JobPool::unfinished() const {
  const std::lock_guard lock(mutex_);
  return unfinished_;
}

}  // namespace tilepool
