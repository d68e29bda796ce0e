#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// A tile of the pool as the sample sees it. `slide` counts slides in bytewise order of their ids,
/// so comparing it compares ids.
struct SampleCandidate {
  std::uint64_t key = 0;
  std::uint32_t slide = 0;
  std::int64_t y = 0, x = 0;
  std::uint64_t pool_index = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 misreads a defaulted <=>
  friend auto operator<=>(const SampleCandidate&, const SampleCandidate&) = default;
};

/// Keeps the n smallest candidates by (key, slide_id, y, x) out of a stream: uniform without
/// replacement, independent of order and of how the stream is split (merge() equals having seen
/// both streams), and nested in n. O(n) memory, O(log n) a candidate.
class BottomN {
 public:
  explicit BottomN(std::uint64_t n) : n_(n) {}
  void add(const SampleCandidate& candidate);
  void merge(const BottomN& other);
  /// Those kept, ascending by pool_index.
  [[nodiscard]] std::vector<SampleCandidate> in_pool_order() const;

 private:
  std::uint64_t n_;
  std::vector<SampleCandidate> heap_;  // largest on top
};

/// How many tiles to draw from a pool of `pool_size`: `count`, or
/// min(N, max(1, floor(fraction * N + 0.5))) for N > 0; never more than the pool.
[[nodiscard]] std::uint64_t sample_size(const SampleOptions& options, std::uint64_t pool_size);

/// Splits n over strata in proportion to their sizes by largest remainder (Hamilton); ties go to
/// the earlier stratum. No stratum gets more than it has. n <= sum of sizes.
[[nodiscard]] std::vector<std::uint64_t> largest_remainder(std::uint64_t n,
                                                           std::span<const std::uint64_t> sizes);

}  // namespace tilepool
