#pragma once

#include <map>
#include <mutex>

#include "cuda/queue.h"

namespace tilepool::gpu {

/// How long a device was computing something for this process: the length of the union of the
/// stretches of all its queues. Thread-safe.
class BusyTime {
 public:
  void add(const Queue::Stretch& stretch);
  [[nodiscard]] double seconds() const;

 private:
  mutable std::mutex mutex_;
  std::map<double, double> stretches_;  ///< begin -> end, disjoint; the latest ones
  double settled_s_ = 0;                ///< length of those that were folded away
  double settled_until_s_ = 0;          ///< their end
};

}  // namespace tilepool::gpu
