#include "cuda/busy_time.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace tilepool::gpu {

namespace {
// Queues end their stretches about in order: far more than can be out of order at once.
constexpr std::size_t kKept = 256;
}  // namespace

void BusyTime::add(const Queue::Stretch& stretch) {
  const std::lock_guard lock(mutex_);
  double begin = std::max(stretch.begin_s, settled_until_s_);
  double end = stretch.end_s;
  if (end <= begin) return;
  auto next = stretches_.upper_bound(begin);
  if (next != stretches_.begin() && std::prev(next)->second >= begin) --next;
  while (next != stretches_.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = stretches_.erase(next);
  }
  stretches_.emplace(begin, end);
  if (stretches_.size() <= kKept) return;
  const auto oldest = stretches_.begin();
  settled_s_ += oldest->second - oldest->first;
  settled_until_s_ = oldest->second;
  stretches_.erase(oldest);
}

double BusyTime::seconds() const {
  const std::lock_guard lock(mutex_);
  double sum = settled_s_;
  for (const auto& [begin, end] : stretches_) sum += end - begin;
  return sum;
}

}  // namespace tilepool::gpu
