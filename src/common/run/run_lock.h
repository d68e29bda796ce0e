#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <sys/stat.h>

#include "common/base/process.h"
#include "common/run/layout.h"

namespace tilepool {

/// Who holds a run directory: the content of run.lock.
struct LockHolder {
  ProcessName process;
  std::string since;  ///< ISO 8601
};
/// nullopt: no lock, or one that is just being written.
[[nodiscard]] std::optional<LockHolder> read_lock(const std::filesystem::path& file);

struct LockTimes {
  double beat_s = 5;    ///< how often the holder shows that it lives
  double stale_s = 60;  ///< a lock without a beat for this long is taken over
};

/// The one master of a run directory. A file made with O_EXCL, which works on every file system
/// that nodes share, and a thread that renews its time stamp. A lock whose owner is dead on this
/// host, or which shows no beat for stale_s, is taken over with a line in the log that says so.
class RunLock {
 public:
  /// Throws Error(kStopped) that names host, process and since when, if the owner lives; Error(kIo)
  /// when the directory cannot be written. Where the owner is on another host and its beat is not
  /// yet old it waits for the next one: up to stale_s. `stopped` ends the waiting: Error(kStopped).
  RunLock(const RunLayout& layout, const LockTimes& times, const std::function<bool()>& stopped);
  ~RunLock();  ///< releases what is still ours
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;
  /// Throws Error(kStopped) when another process took the lock over (this one slept too long).
  void check_mine() const;

 private:
  [[nodiscard]] bool try_create();
  [[nodiscard]] bool mine() const;
  void take_over(const struct stat& judged);
  void beat(double beat_s);

  const std::filesystem::path file_;
  int descriptor_ = -1;
  std::mutex mutex_;
  std::condition_variable over_;
  bool done_ = false;
  std::thread thread_;
};

/// A worker's view of the master's lock: whether it still beats, by this process's own clock.
class LockWatch {
 public:
  explicit LockWatch(const RunLayout& layout) : file_(layout.lock()) {}
  /// Seconds since the beat was last seen to change, at `now_s` on any steady clock; nullopt when
  /// the lock is gone: the master left.
  [[nodiscard]] std::optional<double> silent_s(double now_s);

 private:
  const std::filesystem::path file_;
  std::string seen_;
  double since_ = 0;
};

}  // namespace tilepool
