#include "common/kernels/histogram.h"

#include <algorithm>

namespace tilepool {

void add_histogram(ImageView<const std::uint16_t> plane, int shift, std::span<std::uint64_t> bins) {
  for (std::int64_t y = 0; y < plane.height; ++y) {
    const std::uint16_t* row = plane.row(y);
    for (std::int64_t x = 0; x < plane.width; ++x) {
      ++bins[std::min<std::size_t>(static_cast<std::size_t>(row[x] >> shift), bins.size() - 1)];
    }
  }
}

int otsu_threshold(std::span<const std::uint64_t> bins) {
  double count = 0;
  double sum = 0;
  int first = -1;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] > 0 && first < 0) first = static_cast<int>(i);
    count += static_cast<double>(bins[i]);
    sum += static_cast<double>(bins[i]) * static_cast<double>(i);
  }
  int best = std::max(first, 0);
  double best_variance = 0;
  double low_count = 0;
  double low_sum = 0;
  for (std::size_t i = 0; i + 1 < bins.size(); ++i) {
    low_count += static_cast<double>(bins[i]);
    low_sum += static_cast<double>(bins[i]) * static_cast<double>(i);
    const double high_count = count - low_count;
    if (low_count == 0 || high_count == 0) continue;
    const double gap = low_sum / low_count - (sum - low_sum) / high_count;
    const double variance = low_count * high_count * gap * gap;
    if (variance > best_variance) {
      best_variance = variance;
      best = static_cast<int>(i);
    }
  }
  return best;
}

}  // namespace tilepool
