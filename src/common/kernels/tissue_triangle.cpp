#include "common/kernels/tissue_triangle.h"

#include <algorithm>

namespace tilepool {

int triangle_threshold(std::span<const std::uint64_t> bins) {
  const auto peak = std::max_element(bins.begin(), bins.end()) - bins.begin();
  std::ptrdiff_t last = static_cast<std::ptrdiff_t>(bins.size()) - 1;
  while (last > peak && bins[static_cast<std::size_t>(last)] == 0) --last;
  const auto height = static_cast<std::int64_t>(bins[static_cast<std::size_t>(peak)]);
  std::ptrdiff_t best = peak;
  std::int64_t farthest = INT64_MIN;
  for (std::ptrdiff_t v = last; v > peak; --v) {
    const auto count = static_cast<std::int64_t>(bins[static_cast<std::size_t>(v)]);
    const std::int64_t distance = height * (last - v) - (last - peak) * count;
    if (distance > farthest) {
      farthest = distance;
      best = v;
    }
  }
  return static_cast<int>(best);
}

}  // namespace tilepool
