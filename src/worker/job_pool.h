#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace tilepool {

/// Slide-sized jobs in the background. A job returns what the owning thread must do with its result
/// (commit a file, tell the master): HDF5 and messages stay in one thread. With zero threads the
/// jobs run inside poll(). Jobs must not throw.
class JobPool {
 public:
  using Completion = std::function<void()>;
  using Job = std::function<Completion()>;

  explicit JobPool(int threads);
  ~JobPool();  ///< drops what was not begun and joins
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;

  /// `id` names the job for drop_waiting().
  void submit(std::uint64_t id, Job job);
  /// Runs the completion of one finished job in the calling thread; false when there is none.
  bool poll();
  /// Jobs that were submitted and whose completion has not run.
  [[nodiscard]] std::size_t unfinished() const;
  /// Drops the jobs that were not begun and tells which.
  [[nodiscard]] std::vector<std::uint64_t> drop_waiting();

 private:
  void loop();
  mutable std::mutex mutex_;
  std::condition_variable may_run_;
  std::deque<std::pair<std::uint64_t, Job>> waiting_;
  std::deque<Completion> finished_;
  std::size_t unfinished_ = 0;
  bool quit_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tilepool
