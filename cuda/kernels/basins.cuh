#pragma once

#include <cstdint>

#include "common/kernels/basin.h"
#include "common/kernels/watershed.h"
#include "cuda/kernels/launch.cuh"

// The merging of basins by saddles, many at a time, with the result of the sequential definition
// (common/kernels/watershed.h).
//
// A saddle is a pixel p with neighbours above it in other basins; sequentially, saddles are taken
// from the highest down, and one looks at nothing but the basins that it touches. So it may be
// settled early, out of turn, as soon as it is the highest of the open saddles of every basin that
// it touches now:
// - No open saddle above it touches these basins, and others cannot change them: they are what
//   they will be when its turn comes.
// - What has been settled before it and below it touched none of its basins, since there it would
//   not have been the highest.
// Saddles settled in the same round touch different basins, so they do not meet. The highest of all
// open saddles always qualifies: each round settles some.
//
// Two shortcuts save rounds:
// - Peaks of basins only rise, so a pair of basins whose lower peak is too far above p for any rule
//   stays apart at p whatever happens before p's turn.
// - A pair that was refused at some saddle is refused at its lower ones too (the depth grows, the
//   fill stays), until one of the two basins changes: lower saddles between just these two are
//   dropped if nothing else that touches either basin comes before them.
namespace tilepool::gpu {

/// Place in the total order of pixels: height << 31 | (2^31 - 1 - pixel).
using Key = unsigned long long;
/// An open saddle: key << 8 | its open neighbours, bit s for the s-th of the eight in raster order.
/// 0: settled.
using Saddle = unsigned long long;

inline constexpr std::int32_t kOffMask = -1;
inline constexpr std::int32_t kNoBasin = -1;

__device__ inline Key key_of(std::int32_t height, std::int32_t pixel) {
  return (static_cast<Key>(height) << 31) | static_cast<Key>(0x7FFFFFFF - pixel);
}
__device__ inline std::int32_t height_of(Key key) { return static_cast<std::int32_t>(key >> 31); }
__device__ inline std::int32_t pixel_of(Key key) {
  return 0x7FFFFFFF - static_cast<std::int32_t>(key & 0x7FFFFFFF);
}

/// The row of pixel i. Pixels are fewer than 2^31, so 32 bits do for the division.
__device__ inline std::int64_t row_of(std::int64_t i, std::int64_t width) {
  return static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(width);
}

/// A load that sees what other threads wrote meanwhile.
template <class T>
__device__ T load_now(const T* at) {
  return *const_cast<const volatile T*>(at);
}
template <class T>
__device__ void store_now(T* at, T value) {
  *const_cast<volatile T*>(at) = value;
}

/// A basin in a plane of pixels: -2 - number.
__device__ inline std::int32_t cell_of(std::int32_t basin) { return -2 - basin; }
__device__ inline std::int32_t basin_of(std::int32_t cell) { return -2 - cell; }

/// The basins of an image. Joined ones form trees; the root has the highest peak.
struct Basins {
  const std::int32_t* cells;  ///< by pixel: cell_of(its first basin), or kOffMask
  std::int32_t width;
  MergeRule rule;
  // By basin.
  Key* peak;
  std::int32_t* parent;   ///< a root is its own
  std::int32_t* refused;  ///< of a root: the one that it was last refused to join, or kNoBasin
  Key* best;              ///< the highest open saddle
  Key* other;             ///< the same without those between a refused pair
  BasinMoments* moments;  ///< kept up only if by_shape()

  __device__ bool by_shape() const { return rule.fill_depth > rule.depth; }
  __device__ std::int32_t peak_height(std::int32_t basin) const { return height_of(peak[basin]); }

  __device__ std::int32_t root(std::int32_t basin) const {
    std::int32_t up = load_now(parent + basin);
    while (up != basin) {
      basin = up;
      up = load_now(parent + basin);
    }
    return basin;
  }
  __device__ std::int32_t root_at(std::int32_t pixel) const { return root(basin_of(cells[pixel])); }
  /// Only while nobody joins basins.
  __device__ std::int32_t shorten_at(std::int32_t pixel) const {
    const std::int32_t basin = basin_of(cells[pixel]);
    const std::int32_t top = root(basin);
    if (top != basin) store_now(parent + basin, top);
    return top;
  }

  __device__ std::int32_t neighbour(std::int32_t pixel, int slot) const {
    const int cell = slot + (slot > 3 ? 1 : 0);
    return pixel + (cell / 3 - 1) * width + cell % 3 - 1;
  }
};

/// fn(slot, pixel) for the open neighbours of a saddle, raster order.
template <class Fn>
__device__ void for_each_open(const Basins& basins, Saddle saddle, Fn fn) {
  const std::int32_t pixel = pixel_of(saddle >> 8);
  for (unsigned bits = saddle & 0xFFU; bits != 0; bits &= bits - 1) {
    const int slot = __ffs(static_cast<int>(bits)) - 1;
    fn(slot, basins.neighbour(pixel, slot));
  }
}

/// The one other basin that a saddle of `own` touches; kNoBasin if there are none or several.
__device__ inline std::int32_t only_other(const Basins& basins, Saddle saddle, std::int32_t own) {
  std::int32_t only = kNoBasin;
  bool several = false;
  for_each_open(basins, saddle, [&](int, std::int32_t q) {
    const std::int32_t top = basins.root_at(q);
    if (top == own) return;
    several = several || (only != kNoBasin && only != top);
    only = top;
  });
  return several ? kNoBasin : only;
}

__device__ inline bool refused_pair(const Basins& basins, std::int32_t a, std::int32_t b) {
  return b != kNoBasin && basins.refused[a] == b && basins.refused[b] == a;
}

__device__ inline void raise(Key* at, Key key) {
  if (load_now(at) < key) atomicMax(at, key);
}

/// Closes the neighbours that can no longer be joined, or are already.
__device__ inline Saddle prune(const Basins& basins, Saddle saddle) {
  const std::int32_t height = height_of(saddle >> 8);
  const std::int32_t limit = max(basins.rule.depth, basins.rule.fill_depth);
  const std::int32_t own = basins.shorten_at(pixel_of(saddle >> 8));
  const std::int32_t own_peak = basins.peak_height(own);
  Saddle left = saddle;
  for_each_open(basins, saddle, [&](int slot, std::int32_t q) {
    const std::int32_t top = basins.shorten_at(q);
    const bool open = top != own && min(own_peak, basins.peak_height(top)) - height < limit;
    if (!open) left &= ~(Saddle{1} << slot);
  });
  return (left & 0xFF) == 0 ? 0 : left;
}

/// A round, first step: tells the basins of an open saddle about it.
__device__ inline void claim(const Basins& basins, Saddle saddle) {
  const Key key = saddle >> 8;
  raise(basins.best + basins.root_at(pixel_of(key)), key);
  for_each_open(basins, saddle,
                [&](int, std::int32_t q) { raise(basins.best + basins.root_at(q), key); });
}

/// Joins the basins of p and q, at a saddle of this height, if the rule says so.
__device__ inline bool join(const Basins& basins, std::int32_t p, std::int32_t q,
                            std::int32_t height) {
  std::int32_t high = basins.root_at(p);
  std::int32_t low = basins.root_at(q);
  if (high == low) return false;
  if (basins.peak[low] > basins.peak[high]) {
    const std::int32_t swapped = low;
    low = high;
    high = swapped;
  }
  const MergeRule& rule = basins.rule;
  const std::int32_t depth = basins.peak_height(low) - height;
  if (depth >= max(rule.depth, rule.fill_depth)) return false;
  if (basins.by_shape()) {
    BasinMoments both = basins.moments[high];
    both.add(basins.moments[low]);
    if (depth >= rule.depth && !fills_ellipse(both, rule.fill)) return false;
    basins.moments[high] = both;
  }
  store_now(basins.parent + low, high);
  basins.refused[high] = kNoBasin;
  return true;
}

/// Does with a saddle what is done when its turn comes.
__device__ inline void settle(const Basins& basins, Saddle saddle) {
  const Key key = saddle >> 8;
  const std::int32_t own = basins.root_at(pixel_of(key));
  const std::int32_t only = only_other(basins, saddle, own);
  if (refused_pair(basins, own, only)) return;
  bool joined = false;
  for_each_open(basins, saddle, [&](int, std::int32_t q) {
    if (join(basins, pixel_of(key), q, height_of(key))) joined = true;
  });
  if (!joined && only != kNoBasin) {
    basins.refused[own] = only;
    basins.refused[only] = own;
  }
}

/// A round, second step: settles the saddle if it is the highest of all its basins. Returns it
/// while it is open. What other threads join meanwhile are not the basins of this saddle if it is
/// the highest, and if it is not, then neither of the root that it saw before nor of the one after.
__device__ inline Saddle settle_if_highest(const Basins& basins, Saddle saddle) {
  const Key key = saddle >> 8;
  const auto is_best = [&](std::int32_t pixel) {
    const std::int32_t top = basins.root_at(pixel);
    basins.other[top] = 0;  // for the next step
    return load_now(basins.best + top) == key;
  };
  bool highest = is_best(pixel_of(key));
  for_each_open(basins, saddle, [&](int, std::int32_t q) { highest = is_best(q) && highest; });
  if (!highest) return saddle;
  settle(basins, saddle);
  return 0;
}

/// A round, third step: tells the basins about saddles other than those of a refused pair.
__device__ inline void claim_as_other(const Basins& basins, Saddle saddle) {
  const Key key = saddle >> 8;
  const std::int32_t own = basins.root_at(pixel_of(key));
  const bool counts = !refused_pair(basins, own, only_other(basins, saddle, own));
  const auto tell = [&](std::int32_t top) {
    basins.best[top] = 0;  // for the next round
    if (counts) raise(basins.other + top, key);
  };
  tell(own);
  for_each_open(basins, saddle, [&](int, std::int32_t q) { tell(basins.root_at(q)); });
}

/// A round, last step and the first of the next one: what is left of the saddle, which claims its
/// basins.
__device__ inline Saddle sweep(const Basins& basins, Saddle saddle) {
  const Key key = saddle >> 8;
  const std::int32_t own = basins.root_at(pixel_of(key));
  const std::int32_t only = only_other(basins, saddle, own);
  if (refused_pair(basins, own, only) && key > load_now(basins.other + own) &&
      key > load_now(basins.other + only)) {
    return 0;
  }
  const Saddle left = prune(basins, saddle);
  if (left != 0) claim(basins, left);
  return left;
}

/// Adds what is not 0 to a list, in any order. Every thread of a warp must call it.
__device__ inline void append(Saddle* list, std::int32_t* count, Saddle saddle) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned votes = __ballot_sync(0xFFFFFFFFU, saddle != 0 ? 1 : 0);
  if (votes == 0) return;
  std::int32_t begin = 0;
  if (lane == 0) begin = atomicAdd(count, __popc(votes));
  begin = __shfl_sync(0xFFFFFFFFU, begin, 0);
  if (saddle != 0) list[begin + __popc(votes & ((1U << lane) - 1U))] = saddle;
}

}  // namespace tilepool::gpu
