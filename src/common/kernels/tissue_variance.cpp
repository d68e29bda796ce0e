#include "common/kernels/tissue_variance.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::size_t kClusters = 3;
constexpr std::size_t kValues = 65536;
constexpr int kMaxRounds = 10000;  // each round lowers the cost, so this is never reached

using Centroids = std::array<double, kClusters>;

/// The value at rank floor(n * sixths / 6) of the counted values.
double quantile(std::span<const std::uint64_t> counts, std::uint64_t n, std::uint64_t sixths) {
  std::uint64_t below = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    below += counts[v];
    if (below > n * sixths / 6) return static_cast<double>(v);
  }
  return 0;
}

/// Means of the values nearest to each centroid (ties to the lower one); an empty cluster stays.
Centroids moved(std::span<const std::uint64_t> counts, const Centroids& centroids) {
  std::array<std::uint64_t, kClusters> sum{};
  std::array<std::uint64_t, kClusters> n{};
  std::size_t cluster = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    while (cluster + 1 < kClusters &&
           static_cast<double>(v) > (centroids[cluster] + centroids[cluster + 1]) / 2) {
      ++cluster;
    }
    sum[cluster] += v * counts[v];
    n[cluster] += counts[v];
  }
  Centroids next = centroids;
  for (std::size_t c = 0; c < kClusters; ++c) {
    if (n[c] > 0) next[c] = static_cast<double>(sum[c]) / static_cast<double>(n[c]);
  }
  return next;
}

}  // namespace

double variance_threshold(std::span<const std::uint16_t> values) {
  check(!values.empty(), ErrorCode::kInternal, "a variance threshold needs at least one value");
  std::vector<std::uint64_t> counts(kValues, 0);
  for (const std::uint16_t value : values) ++counts[value];
  Centroids centroids{quantile(counts, values.size(), 1), quantile(counts, values.size(), 3),
                      quantile(counts, values.size(), 5)};
  for (int round = 0; round < kMaxRounds; ++round) {
    const Centroids next = moved(counts, centroids);
    if (next == centroids) break;
    centroids = next;
  }
  return (centroids[0] + centroids[1]) / 2;
}

void mask_from_variance(ImageView<const std::uint16_t> variance, double threshold,
                        ImageView<std::uint8_t> mask) {
  for (std::int64_t y = 0; y < variance.height; ++y) {
    for (std::int64_t x = 0; x < variance.width; ++x) {
      mask.at(x, y) = static_cast<double>(variance.at(x, y)) > threshold ? 1 : 0;
    }
  }
}

}  // namespace tilepool
