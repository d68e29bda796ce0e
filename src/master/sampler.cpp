#include "master/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/error.h"

namespace tilepool {

void BottomN::add(const SampleCandidate& candidate) {
  if (n_ == 0) return;
  if (heap_.size() == n_) {
    if (!(candidate < heap_.front())) return;
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.back() = candidate;
  } else {
    heap_.push_back(candidate);
  }
  std::push_heap(heap_.begin(), heap_.end());
}

void BottomN::merge(const BottomN& other) {
  for (const SampleCandidate& candidate : other.heap_) add(candidate);
}

std::vector<SampleCandidate> BottomN::in_pool_order() const {
  std::vector<SampleCandidate> kept = heap_;
  std::sort(kept.begin(), kept.end(), [](const SampleCandidate& a, const SampleCandidate& b) {
    return a.pool_index < b.pool_index;
  });
  return kept;
}

std::uint64_t sample_size(const SampleOptions& options, std::uint64_t pool_size) {
  if (pool_size == 0) return 0;
  if (options.count) return std::min(pool_size, static_cast<std::uint64_t>(*options.count));
  const double share = std::floor(options.fraction * static_cast<double>(pool_size) + 0.5);
  return std::min(pool_size, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share)));
}

std::vector<std::uint64_t> largest_remainder(std::uint64_t n,
                                             std::span<const std::uint64_t> sizes) {
  const std::uint64_t total = std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
  check(n <= total, ErrorCode::kInternal, "cannot draw {} of {} tiles", n, total);
  std::vector<std::uint64_t> shares(sizes.size(), 0);
  if (total == 0) return shares;
  std::vector<std::uint64_t> remainders(sizes.size());
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto product = static_cast<unsigned __int128>(n) * sizes[i];
    shares[i] = static_cast<std::uint64_t>(product / total);
    remainders[i] = static_cast<std::uint64_t>(product % total);
    given += shares[i];
  }
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; given < n; ++i, ++given) ++shares[order[i]];
  return shares;
}

}  // namespace tilepool
