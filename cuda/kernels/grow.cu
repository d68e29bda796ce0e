#include "cuda/kernels/bits.cuh"
#include "cuda/kernels/disk_spread.cuh"
#include "cuda/kernels/grow.h"

namespace tilepool::gpu {
namespace {

// Labels are read only where they were before, and written only where there was none: in place.

/// How far the nearest labelled pixels of a row are, to either side.
struct Reach {
  int left, right;
};

/// The nearest label so far.
struct Nearest {
  std::int32_t label = 0;
  std::int32_t square = INT32_MAX;

  __device__ void offer(std::int32_t other, std::int32_t its_square) {
    if (its_square > square || (its_square == square && other >= label)) return;
    label = other;
    square = its_square;
  }
};

/// The label for (x, y). reach(dy, limit) looks along row y + dy, `limit` pixels to either side.
template <class ReachOf>
__device__ std::int32_t nearest_label(ImageView<const std::int32_t> labels, const DiskRows& disk,
                                      std::int64_t x, std::int64_t y, ReachOf reach_of) {
  Nearest nearest;
  int half_width = disk.radius;
  for (int dy = 0; dy <= disk.radius && dy * dy <= nearest.square; ++dy) {
    for (const int row : {-dy, dy}) {
      const Reach reach = reach_of(row, half_width);
      const std::int32_t left_square = dy * dy + reach.left * reach.left;
      const std::int32_t right_square = dy * dy + reach.right * reach.right;
      if (reach.left <= half_width && left_square <= nearest.square) {
        nearest.offer(labels.at(x - reach.left, y + row), left_square);
      }
      if (reach.right <= half_width && right_square <= nearest.square) {
        nearest.offer(labels.at(x + reach.right, y + row), right_square);
      }
    }
    half_width -= disk.drop[dy];
  }
  return nearest.label;
}

constexpr int kTilePixels = kTileRows * kTileWords * 32;

/// Lists the pixels of the tile that get a label: their bits in it, in any order.
__device__ void list_reached(const TileRow* tile, const DiskRows& disk, std::uint16_t* list,
                             int* listed) {
  for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileWords; i += kTileThreads) {
    const int row = i / kTileWords + disk.radius;
    const int column = i % kTileWords + 2;
    std::uint32_t reached = ~tile[row][column];
    if (reached != 0) reached &= spread_in_tile(tile, row, column, disk);
    if (reached == 0) continue;
    int at = atomicAdd(listed, __popc(reached));
    for (; reached != 0; reached &= reached - 1) {
      list[at++] = static_cast<std::uint16_t>(32 * i + lowest_bit(reached));
    }
  }
}

__global__ void __launch_bounds__(kTileThreads)
    grow_near_kernel(BitPlane labelled, DiskRows disk, ImageView<std::int32_t> labels) {
  __shared__ TileRow tile[kTileRows + 2 * kNear];
  __shared__ std::uint16_t list[kTilePixels];
  __shared__ int listed;
  const TilePlace place = tile_place(labelled);
  load_tile(labelled, place, disk.radius, tile);
  if (threadIdx.x == 0) listed = 0;
  __syncthreads();
  list_reached(tile, disk, list, &listed);
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < listed; i += kTileThreads) {
    const unsigned bit = list[i] % 32;
    const int column = list[i] / 32 % kTileWords;
    const int row = list[i] / 32 / kTileWords;
    const std::int64_t x = 32 * (place.word + column) + bit;
    const std::int64_t y = place.row + row;
    if (x >= labels.width || y >= labels.height) continue;
    labels.at(x, y) = nearest_label(labels, disk, x, y, [&](int dy, int) -> Reach {
      const std::uint32_t* const at = &tile[row + disk.radius + dy][column + 2];
      const std::uint32_t to_left = __funnelshift_l(at[-1], at[0], 31 - bit);
      const std::uint32_t to_right = __funnelshift_r(at[0], at[1], bit);
      return {__clz(static_cast<int>(to_left)), to_right == 0 ? 32 : lowest_bit(to_right)};
    });
  }
}

/// The distance to the nearest 1 of a row at or left of x, if it is at most `limit`.
__device__ int reach_left(const std::uint32_t* row, std::int64_t x, int limit) {
  const auto bit = static_cast<int>(x % 32);
  std::int64_t w = x / 32;
  std::uint32_t word = row[w] & bits_to(static_cast<unsigned>(bit));
  int to_low = bit;  // from x to the lowest bit of the word
  while (word == 0 && w > 0 && to_low < limit) {
    word = row[--w];
    to_low += 32;
  }
  return word == 0 ? limit + 1 : to_low - highest_bit(word);
}

/// The same at or right of x, in a row of `words` words.
__device__ int reach_right(const std::uint32_t* row, std::int64_t words, std::int64_t x,
                           int limit) {
  const auto bit = static_cast<int>(x % 32);
  std::int64_t w = x / 32;
  std::uint32_t word = row[w] >> bit << bit;
  int to_low = -bit;
  while (word == 0 && w + 1 < words && to_low + 31 < limit) {
    word = row[++w];
    to_low += 32;
  }
  return word == 0 ? limit + 1 : to_low + lowest_bit(word);
}

__global__ void grow_kernel(BitPlane labelled, BitPlane reached, DiskRows disk,
                            ImageView<std::int32_t> labels) {
  const std::int64_t across = labelled.row_words();
  const std::int64_t i = element() / 32;
  if (i >= labelled.count()) return;
  const unsigned bit = threadIdx.x % 32;
  if (((reached.words[i] & ~labelled.words[i]) >> bit & 1U) == 0) return;
  const std::int64_t y = i / across;
  const std::int64_t x = (i - y * across) * 32 + bit;
  labels.at(x, y) = nearest_label(labels, disk, x, y, [&](int dy, int limit) -> Reach {
    if (y + dy < 0 || y + dy >= labelled.height) return {limit + 1, limit + 1};
    const std::uint32_t* const row = labelled.words + (y + dy) * across;
    return {reach_left(row, x, limit), reach_right(row, across, x, limit)};
  });
}

}  // namespace

std::size_t grow_labels_scratch_bytes(std::int64_t width, std::int64_t height) {
  return 2 * bits_bytes(width, height);
}

void grow_labels(Queue& queue, ImageView<std::int32_t> labels, const Disk& disk) {
  if (disk.radius() == 0 || labels.empty()) return;
  const ScratchScope scope(queue);
  const DiskRows rows = disk_rows(disk);
  const BitPlane labelled = take_bits(queue, labels.width, labels.height);
  pack_labelled(queue, labels, labelled);
  if (rows.radius <= kNear) {
    launch(queue, "grow_labels", grow_near_kernel, dim3(blocks_for(tiles_of(labelled), 1)),
           dim3(kTileThreads), labelled, rows, labels);
    return;
  }
  const BitPlane reached = take_bits(queue, labels.width, labels.height);
  spread_bits(queue, labelled, rows, false, reached);
  launch_over(queue, "grow_labels", grow_kernel, 32 * labelled.count(), labelled, reached, rows,
              labels);
}

}  // namespace tilepool::gpu
