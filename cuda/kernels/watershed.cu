#include <algorithm>
#include <limits>

#include "common/base/exception.h"
#include "cuda/kernels/basins.cuh"
#include "cuda/kernels/scan.cuh"
#include "cuda/kernels/watershed.h"

namespace tilepool::gpu {
namespace {

constexpr int kTile = 32;     // edge of the tiles in which pixels climb
constexpr int kTileRows = 8;  // rows of threads on a tile
constexpr int kPerThread = kTile / kTileRows;
constexpr int kGridRounds = 6;         // rounds of the whole device, before one block does the rest
constexpr unsigned kMaxBlocks = 2048;  // of kernels whose number of elements only the device knows
constexpr unsigned kFinishThreads = 1024;

/// What the kernels count.
struct Counters {
  std::int32_t basins;
  std::int32_t saddles[kGridRounds + 1];  // open before each round
};

// --- Climbing -----------------------------------------------------------------------------------

/// The highest of pixel (x, y) of the tile and its neighbours, as an offset in it. `height` has one
/// pixel more on each side; -1 is off the mask.
__device__ int highest_around(const std::int32_t (*height)[kTile + 2], int x, int y) {
  int best = -1;
  std::int32_t top = -1;
  for (int cell = 0; cell < 9; ++cell) {  // raster order: the first of equal ones is the highest
    const std::int32_t h = height[y + cell / 3][x + cell % 3];
    if (h > top) {
      top = h;
      best = cell;
    }
  }
  return best;
}

/// Adds a basin with this peak.
__device__ void begin_basin(const Basins& basins, std::int32_t basin, Key peak) {
  basins.peak[basin] = peak;
  basins.parent[basin] = basin;
  basins.refused[basin] = kNoBasin;
  basins.best[basin] = 0;
  basins.other[basin] = 0;
  if (basins.by_shape()) basins.moments[basin] = {};
}

/// Points each pixel at one that is higher in its basin, as far up as its tile goes, and begins a
/// basin at each peak. A pixel holds kOffMask, a pixel number, or cell_of(its basin) if a peak.
__global__ void climb_kernel(ImageView<const std::uint8_t> mask,
                             ImageView<const std::uint16_t> height, Basins basins,
                             std::int32_t* cells, Counters* counters) {
  __shared__ std::int32_t heights[kTile + 2][kTile + 2];
  __shared__ std::int32_t up[kTile * kTile];  // -2 - pixel: outside of the tile
  __shared__ std::int32_t peaks;
  __shared__ std::int32_t first_basin;
  const auto tiles_across = static_cast<unsigned>((mask.width + kTile - 1) / kTile);
  const std::int64_t left = std::int64_t{blockIdx.x % tiles_across} * kTile;
  const std::int64_t top = std::int64_t{blockIdx.x / tiles_across} * kTile;
  const int me = static_cast<int>(threadIdx.x);
  if (me == 0) peaks = 0;
  for (int i = me; i < (kTile + 2) * (kTile + 2); i += kTile * kTileRows) {
    const std::int64_t x = left + i % (kTile + 2) - 1;
    const std::int64_t y = top + i / (kTile + 2) - 1;
    const bool in = x >= 0 && y >= 0 && x < mask.width && y < mask.height && mask.at(x, y) != 0;
    heights[i / (kTile + 2)][i % (kTile + 2)] = in ? height.at(x, y) : -1;
  }
  __syncthreads();

  const auto pixel_at = [&](int x, int y) {
    return static_cast<std::int32_t>((top + y) * mask.width + left + x);
  };
  const int x = me % kTile;
  for (int k = 0; k < kPerThread; ++k) {
    const int y = me / kTile + k * kTileRows;
    std::int32_t to = kOffMask;
    if (heights[y + 1][x + 1] >= 0) {
      const int cell = highest_around(heights, x, y);
      const int u = x + cell % 3 - 1;
      const int v = y + cell / 3 - 1;
      const bool inside = u >= 0 && v >= 0 && u < kTile && v < kTile;
      to = inside ? v * kTile + u : -2 - pixel_at(u, v);
    }
    up[y * kTile + x] = to;
  }
  int moved = 1;
  while (moved != 0) {
    __syncthreads();
    std::int32_t next[kPerThread];
    moved = 0;
    for (int k = 0; k < kPerThread; ++k) {
      const std::int32_t to = up[me + k * kTile * kTileRows];
      next[k] = to < 0 ? to : up[to];
      if (next[k] != to) moved = 1;
    }
    moved = __syncthreads_or(moved);
    for (int k = 0; k < kPerThread; ++k) up[me + k * kTile * kTileRows] = next[k];
  }
  __syncthreads();

  std::int32_t rank[kPerThread];
  for (int k = 0; k < kPerThread; ++k) {
    const int i = me + k * kTile * kTileRows;
    rank[k] = up[i] == i ? atomicAdd(&peaks, 1) : -1;
  }
  __syncthreads();
  if (me == 0) first_basin = atomicAdd(&counters->basins, peaks);
  __syncthreads();
  for (int k = 0; k < kPerThread; ++k) {
    const int y = me / kTile + k * kTileRows;
    if (left + x >= mask.width || top + y >= mask.height) continue;
    const std::int32_t to = up[y * kTile + x];
    std::int32_t value = to < kOffMask ? -2 - to : kOffMask;
    if (rank[k] >= 0) {
      value = cell_of(first_basin + rank[k]);
      begin_basin(basins, first_basin + rank[k], key_of(heights[y + 1][x + 1], pixel_at(x, y)));
    } else if (to >= 0) {
      value = pixel_at(to % kTile, to / kTile);
    }
    cells[pixel_at(x, y)] = value;
  }
}

/// Adds a run of `length` <= 32 pixels of row y from column x.
__device__ void add_run(BasinMoments* moments, std::int64_t x, std::int64_t y,
                        std::int64_t length) {
  const std::int64_t numbers = length * (length - 1) / 2;  // 0 + 1 + ... + (length - 1)
  const std::int64_t squares = numbers * (2 * length - 1) / 3;
  const std::int64_t sum = length * x + numbers;
  const auto add = [](std::int64_t* at, std::int64_t value) {
    atomicAdd(reinterpret_cast<unsigned long long*>(at), static_cast<unsigned long long>(value));
  };
  add(&moments->n, length);
  add(&moments->x, sum);
  add(&moments->y, length * y);
  add(&moments->xx, length * x * x + 2 * x * numbers + squares);
  add(&moments->yy, length * y * y);
  add(&moments->xy, sum * y);
}

/// Gives every pixel the cell of its basin, and measures the basins if shapes count.
__global__ void flatten_kernel(Basins basins, std::int32_t* cells, std::int64_t pixels) {
  const std::int64_t i = element();
  std::int32_t cell = kOffMask;
  if (i < pixels) {
    const std::int32_t own = load_now(cells + i);
    cell = own;
    while (cell >= 0) cell = load_now(cells + cell);
    if (cell != own) store_now(cells + i, cell);
  }
  if (!basins.by_shape()) return;
  const std::int64_t y = row_of(i, basins.width);
  const std::int64_t x = i - y * basins.width;
  const unsigned lane = threadIdx.x % 32;
  const std::int32_t before = __shfl_up_sync(0xFFFFFFFFU, cell, 1);
  const bool head = lane == 0 || x == 0 || before != cell;
  const unsigned heads = __ballot_sync(0xFFFFFFFFU, head ? 1 : 0);
  if (!head || cell == kOffMask) return;
  const unsigned later = lane == 31 ? 0 : heads >> (lane + 1);
  const int length = later == 0 ? static_cast<int>(32 - lane) : __ffs(static_cast<int>(later));
  add_run(basins.moments + basin_of(cell), x, y, length);
}

// --- Merging ------------------------------------------------------------------------------------

/// The saddle at pixel i: its higher neighbours in other basins that it might join; 0 if none.
__device__ Saddle saddle_at(const Basins& basins, ImageView<const std::uint16_t> height,
                            std::int64_t i) {
  const std::int32_t own = basins.cells[i];
  if (own == kOffMask) return 0;
  const std::int64_t y = row_of(i, height.width);
  const std::int64_t x = i - y * height.width;
  const std::int32_t h = height.at(x, y);
  const Key key = key_of(h, static_cast<std::int32_t>(i));
  Saddle neighbours = 0;
  for (int slot = 0; slot < 8; ++slot) {
    const int cell = slot + (slot > 3 ? 1 : 0);
    const std::int64_t u = x + cell % 3 - 1;
    const std::int64_t v = y + cell / 3 - 1;
    if (u < 0 || v < 0 || u >= height.width || v >= height.height) continue;
    const std::int64_t q = v * height.width + u;
    const std::int32_t theirs = basins.cells[q];
    if (theirs == own || theirs == kOffMask) continue;
    const std::int32_t other = height.at(u, v);
    if (other > h || (other == h && q < i)) neighbours |= Saddle{1} << slot;
  }
  return neighbours == 0 ? 0 : prune(basins, key << 8 | neighbours);
}

__global__ void collect_kernel(Basins basins, ImageView<const std::uint16_t> height, Saddle* list,
                               std::int32_t* count) {
  const std::int64_t i = element();
  const Saddle saddle = i < height.pixels() ? saddle_at(basins, height, i) : 0;
  if (saddle != 0) claim(basins, saddle);
  append(list, count, saddle);
}

__device__ std::int64_t all_threads() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

__global__ void settle_kernel(Basins basins, Saddle* list, const std::int32_t* count) {
  for (std::int64_t i = element(); i < *count; i += all_threads()) {
    list[i] = settle_if_highest(basins, list[i]);
  }
}

__global__ void claim_as_other_kernel(Basins basins, const Saddle* list,
                                      const std::int32_t* count) {
  for (std::int64_t i = element(); i < *count; i += all_threads()) {
    if (list[i] != 0) claim_as_other(basins, list[i]);
  }
}

__global__ void sweep_kernel(Basins basins, const Saddle* from, const std::int32_t* from_count,
                             Saddle* to, std::int32_t* to_count) {
  const std::int64_t n = *from_count;
  for (std::int64_t i = element(); i - threadIdx.x < n; i += all_threads()) {
    const Saddle saddle = i < n ? from[i] : 0;
    append(to, to_count, saddle == 0 ? 0 : sweep(basins, saddle));
  }
}

/// The sum of the values of the threads before this one; *total gets that of all. Every thread of
/// the block must call it.
__device__ std::int32_t sum_before(std::int32_t value, std::int32_t* total) {
  __shared__ std::int32_t of_warp[kFinishThreads / 32];
  const unsigned lane = threadIdx.x % 32;
  const unsigned warp = threadIdx.x / 32;
  const auto up_to = [&](std::int32_t sum) {
    for (unsigned by = 1; by < 32; by *= 2) {
      const std::int32_t other = __shfl_up_sync(0xFFFFFFFFU, sum, by);
      if (lane >= by) sum += other;
    }
    return sum;
  };
  const std::int32_t in_warp = up_to(value);
  if (lane == 31) of_warp[warp] = in_warp;
  __syncthreads();
  if (warp == 0) of_warp[lane] = up_to(of_warp[lane]);
  __syncthreads();
  *total = of_warp[kFinishThreads / 32 - 1];
  const std::int32_t before = (warp == 0 ? 0 : of_warp[warp - 1]) + in_warp - value;
  __syncthreads();
  return before;
}

/// Sorts the list, highest first, with another of the same size as scratch. Returns where it is.
__device__ Saddle* sort_saddles(Saddle* list, Saddle* spare, std::int32_t n) {
  __shared__ Saddle varying;
  const auto me = static_cast<std::int32_t>(threadIdx.x);
  if (me == 0) varying = 0;
  __syncthreads();
  Saddle differs = 0;
  for (std::int32_t i = me; i < n; i += kFinishThreads) differs |= list[i] ^ list[0];
  atomicOr(&varying, differs);
  __syncthreads();
  const std::int32_t each = (n + kFinishThreads - 1) / kFinishThreads;
  const std::int32_t begin = min(me * each, n);
  const std::int32_t end = min(begin + each, n);
  for (int bit = 8; bit < 55; ++bit) {
    if ((varying >> bit & 1) == 0) continue;
    std::int32_t ones = 0;
    for (std::int32_t i = begin; i < end; ++i)
      ones += static_cast<std::int32_t>(list[i] >> bit & 1);
    std::int32_t all_ones = 0;
    std::int32_t one_at = sum_before(ones, &all_ones);
    std::int32_t zero_at = all_ones + begin - one_at;
    for (std::int32_t i = begin; i < end; ++i) {
      spare[(list[i] >> bit & 1) != 0 ? one_at++ : zero_at++] = list[i];
    }
    __syncthreads();
    Saddle* const sorted = spare;
    spare = list;
    list = sorted;
  }
  return list;
}

/// Settles saddles one after the other, once they are sorted; all threads look ahead for those that
/// have become idle.
__device__ void settle_in_order(const Basins& basins, Saddle* list, std::int32_t n) {
  __shared__ unsigned open[kFinishThreads / 32];
  const auto me = static_cast<std::int32_t>(threadIdx.x);
  for (std::int32_t begin = 0; begin < n; begin += kFinishThreads) {
    const std::int32_t i = begin + me;
    const Saddle saddle = i < n ? prune(basins, list[i]) : 0;
    if (i < n) list[i] = saddle;
    const unsigned votes = __ballot_sync(0xFFFFFFFFU, saddle != 0 ? 1 : 0);
    if (me % 32 == 0) open[me / 32] = votes;
    __syncthreads();
    if (me == 0) {
      for (std::int32_t warp = 0; warp < static_cast<std::int32_t>(kFinishThreads / 32); ++warp) {
        for (unsigned bits = open[warp]; bits != 0; bits &= bits - 1) {
          settle(basins, list[begin + 32 * warp + __ffs(static_cast<int>(bits)) - 1]);
        }
      }
    }
    __syncthreads();
  }
}

/// One block settles whatever is left: in rounds while they settle many each, then one by one.
__global__ void __launch_bounds__(kFinishThreads)
    finish_kernel(Basins basins, Saddle* list, Saddle* spare, const std::int32_t* count) {
  __shared__ std::int32_t kept;
  std::int32_t n = *count;
  bool slow = false;
  while (n > 0 && !slow) {
    for (std::int32_t i = threadIdx.x; i < n; i += kFinishThreads) {
      list[i] = settle_if_highest(basins, list[i]);
    }
    if (threadIdx.x == 0) kept = 0;
    __syncthreads();
    for (std::int32_t i = threadIdx.x; i < n; i += kFinishThreads) {
      if (list[i] != 0) claim_as_other(basins, list[i]);
    }
    __syncthreads();
    for (std::int32_t begin = 0; begin < n; begin += kFinishThreads) {
      const std::int32_t i = begin + threadIdx.x;
      const Saddle saddle = i < n ? list[i] : 0;
      append(spare, &kept, saddle == 0 ? 0 : sweep(basins, saddle));
    }
    __syncthreads();
    slow = kept > 32 && n - kept < max(4, n / 64);
    n = kept;
    Saddle* const swept = spare;
    spare = list;
    list = swept;
    __syncthreads();
  }
  if (n > 0) settle_in_order(basins, sort_saddles(list, spare, n), n);
}

// --- Numbering ----------------------------------------------------------------------------------

/// Points each basin at its root.
__global__ void flatten_basins_kernel(Basins basins, std::int32_t* first,
                                      const Counters* counters) {
  for (std::int64_t b = element(); b < counters->basins; b += all_threads()) {
    const auto basin = static_cast<std::int32_t>(b);
    store_now(basins.parent + basin, basins.root(basin));
    first[basin] = std::numeric_limits<std::int32_t>::max();
  }
}

/// first[root] = its first pixel in raster order, which has none of the basin before it around.
__global__ void first_pixel_kernel(Basins basins, std::int64_t height, std::int32_t* first) {
  const std::int64_t i = element();
  if (i >= basins.width * height || basins.cells[i] == kOffMask) return;
  const std::int32_t own = basins.parent[basin_of(basins.cells[i])];
  const std::int64_t x = i - row_of(i, basins.width) * basins.width;
  const auto same = [&](std::int64_t q) {
    return basins.cells[q] != kOffMask && basins.parent[basin_of(basins.cells[q])] == own;
  };
  if (x > 0 && same(i - 1)) return;
  if (i >= basins.width) {
    if (same(i - basins.width)) return;
    if (x > 0 && same(i - basins.width - 1)) return;
    if (x + 1 < basins.width && same(i - basins.width + 1)) return;
  }
  const auto pixel = static_cast<std::int32_t>(i);
  if (load_now(first + own) > pixel) atomicMin(first + own, pixel);
}

/// Sets the bits of first pixels.
__global__ void mark_kernel(Basins basins, const std::int32_t* first, unsigned* bits,
                            const Counters* counters) {
  for (std::int64_t b = element(); b < counters->basins; b += all_threads()) {
    if (basins.parent[b] != b) continue;
    atomicOr(bits + first[b] / 32, 1U << (first[b] % 32));
  }
}

__global__ void count_bits_kernel(const unsigned* bits, std::int32_t* before, std::int64_t words) {
  const std::int64_t i = element();
  if (i < words) before[i] = __popc(bits[i]);
}

/// Turns the parent of each basin into its label.
__global__ void name_kernel(Basins basins, const std::int32_t* first, const unsigned* bits,
                            const std::int32_t* before, std::int64_t words,
                            const Counters* counters, std::int32_t* count) {
  if (element() == 0) *count = before[words - 1] + __popc(bits[words - 1]);
  for (std::int64_t b = element(); b < counters->basins; b += all_threads()) {
    const std::int32_t pixel = first[basins.parent[b]];
    const unsigned earlier = bits[pixel / 32] & ((1U << (pixel % 32)) - 1U);
    basins.parent[b] = 1 + before[pixel / 32] + __popc(earlier);
  }
}

__global__ void write_labels_kernel(const std::int32_t* names, std::int32_t* cells,
                                    std::int64_t pixels) {
  const std::int64_t i = element();
  if (i >= pixels) return;
  const std::int32_t cell = cells[i];
  cells[i] = cell == kOffMask ? 0 : names[basin_of(cell)];
}

// --- Host ---------------------------------------------------------------------------------------

std::int64_t words_of(std::int64_t pixels) { return (pixels + 31) / 32; }

dim3 capped_blocks(std::int64_t at_most) {
  return dim3(std::min(blocks_for(at_most, kThreads), kMaxBlocks));
}

struct Lists {
  Saddle* now;
  Saddle* next;
  Counters* counters;
};

Basins take_basins(Arena& scratch, const MergeRule& rule, ImageView<std::int32_t> labels) {
  const auto n = static_cast<std::size_t>(max_basins(labels.width, labels.height));
  return {.cells = labels.data,
          .width = static_cast<std::int32_t>(labels.width),
          .rule = rule,
          .peak = scratch.take<Key>(n).data(),
          .parent = scratch.take<std::int32_t>(n).data(),
          .refused = scratch.take<std::int32_t>(n).data(),
          .best = scratch.take<Key>(n).data(),
          .other = scratch.take<Key>(n).data(),
          .moments = scratch.take<BasinMoments>(n).data()};
}

void merge_basins(Queue& queue, const Basins& basins, ImageView<const std::uint16_t> height,
                  Lists lists) {
  launch_over(queue, "collect saddles", collect_kernel, height.pixels(), basins, height, lists.now,
              lists.counters->saddles);
  const dim3 grid = capped_blocks(height.pixels());
  for (int round = 0; round < kGridRounds; ++round) {
    std::int32_t* const count = lists.counters->saddles + round;
    launch(queue, "settle saddles", settle_kernel, grid, dim3(kThreads), basins, lists.now, count);
    launch(queue, "claim basins", claim_as_other_kernel, grid, dim3(kThreads), basins, lists.now,
           count);
    launch(queue, "sweep saddles", sweep_kernel, grid, dim3(kThreads), basins, lists.now, count,
           lists.next, count + 1);
    std::swap(lists.now, lists.next);
  }
  launch(queue, "settle the last saddles", finish_kernel, dim3(1), dim3(kFinishThreads), basins,
         lists.now, lists.next, lists.counters->saddles + kGridRounds);
}

void number_basins(Queue& queue, const Basins& basins, ImageView<std::int32_t> labels,
                   const Counters* counters, std::int32_t* count) {
  const ScratchScope scope(queue);
  const std::int64_t words = words_of(labels.pixels());
  const auto bits = queue.scratch().take<unsigned>(static_cast<std::size_t>(words));
  const auto before = queue.scratch().take<std::int32_t>(static_cast<std::size_t>(words));
  std::int32_t* const first = basins.refused;  // not needed any more
  const dim3 grid = capped_blocks(max_basins(labels.width, labels.height));
  queue.clear(bits.data(), bits.size_bytes());
  launch(queue, "flatten basins", flatten_basins_kernel, grid, dim3(kThreads), basins, first,
         counters);
  launch_over(queue, "find first pixels", first_pixel_kernel, labels.pixels(), basins,
              labels.height, first);
  launch(queue, "mark first pixels", mark_kernel, grid, dim3(kThreads), basins, first, bits.data(),
         counters);
  launch_over(queue, "count first pixels", count_bits_kernel, words, bits.data(), before.data(),
              words);
  exclusive_sum(queue, before.data(), words);
  launch(queue, "name basins", name_kernel, grid, dim3(kThreads), basins, first, bits.data(),
         before.data(), words, counters, count);
  launch_over(queue, "write labels", write_labels_kernel, labels.pixels(), basins.parent,
              labels.data, labels.pixels());
}

}  // namespace

std::size_t split_by_dynamics_scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto pixels = static_cast<std::size_t>(width * height);
  const auto n = static_cast<std::size_t>(max_basins(width, height));
  const auto words = static_cast<std::size_t>(words_of(width * height));
  return 3 * arena_bytes(n * sizeof(Key)) + 2 * arena_bytes(n * sizeof(std::int32_t)) +
         arena_bytes(n * sizeof(BasinMoments)) + 2 * arena_bytes(pixels * sizeof(Saddle)) +
         arena_bytes(sizeof(Counters)) + 2 * arena_bytes(words * sizeof(std::int32_t)) +
         exclusive_sum_scratch_bytes<std::int32_t>(static_cast<std::int64_t>(words));
}

void split_by_dynamics(Queue& queue, ImageView<const std::uint8_t> mask,
                       ImageView<const std::uint16_t> height, const MergeRule& rule,
                       ImageView<std::int32_t> labels, std::int32_t* count) {
  if (labels.stride != labels.width) {
    throw Error(ErrorCode::kInternal, "the label plane has gaps between its rows");
  }
  if (mask.empty()) {
    queue.clear(count, sizeof *count);
    return;
  }
  const ScratchScope scope(queue);
  Arena& scratch = queue.scratch();
  const auto pixels = static_cast<std::size_t>(mask.pixels());
  const Basins basins = take_basins(scratch, rule, labels);
  Saddle* const now = scratch.take<Saddle>(pixels).data();
  Saddle* const next = scratch.take<Saddle>(pixels).data();
  Counters* const counters = scratch.take<Counters>(1).data();
  queue.clear(counters, sizeof(Counters));
  const auto tiles = blocks_for(mask.width, kTile) * blocks_for(mask.height, kTile);
  launch(queue, "climb to peaks", climb_kernel, dim3(tiles), dim3(kTile * kTileRows), mask, height,
         basins, labels.data, counters);
  launch_over(queue, "flatten the plane", flatten_kernel, mask.pixels(), basins, labels.data,
              mask.pixels());
  merge_basins(queue, basins, height, {now, next, counters});
  number_basins(queue, basins, labels, counters, count);
}

}  // namespace tilepool::gpu
