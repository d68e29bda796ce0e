#include "cuda/kernels/bits.cuh"
#include "cuda/kernels/disk_spread.cuh"
#include "cuda/kernels/open_labels.h"

namespace tilepool::gpu {
namespace {

// A disk around a pixel lies in the pixel's label when none of its rows crosses a border between
// two columns, nor its middle column one between two rows. A border marks the pixels on both sides
// of it, so that a row of half width h is free of borders when the pixels up to h - 1 away are not
// marked: marks spread by a disk whose rows are one pixel shorter.

struct Marks {
  BitPlane occupied;
  BitPlane beside;  ///< differs from the pixel to the left or to the right
  BitPlane above;   ///< differs from the pixel above or below
};

constexpr int kStripRows = 8;  ///< that a warp goes down a column of words

__global__ void mark_kernel(ImageView<const std::int32_t> labels, Marks marks) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t across = marks.occupied.row_words();
  const std::int64_t strip = element() / 32;
  const std::int64_t first = strip / across * kStripRows;
  const std::int64_t w = strip % across;
  const std::int64_t x = min(32 * w + lane, labels.width - 1);
  const bool inside = 32 * w + lane < labels.width;
  const std::int64_t last = labels.height - 1;
  const auto label = [&](std::int64_t y) {
    return labels.at(x, max(min(y, last), std::int64_t{}));
  };
  // All is loaded before the first vote, so that the loads are under way together.
  std::int32_t column[kStripRows + 2];
  bool beside[kStripRows];
  for (int k = 0; k < kStripRows + 2; ++k) column[k] = label(first + k - 1);
  for (int k = 0; k < kStripRows; ++k) {
    const std::int32_t* const row = labels.row(min(first + k, last));
    beside[k] = row[max(x - 1, std::int64_t{})] != column[k + 1] ||
                row[min(x + 1, labels.width - 1)] != column[k + 1];
  }
  for (int k = 0; k < kStripRows; ++k) {
    const std::int32_t here = column[k + 1];
    const bool over = column[k] != here || column[k + 2] != here;
    const unsigned occupied_word = __ballot_sync(0xFFFFFFFFU, inside && here != 0 ? 1 : 0);
    const unsigned beside_word = __ballot_sync(0xFFFFFFFFU, inside && beside[k] ? 1 : 0);
    const unsigned over_word = __ballot_sync(0xFFFFFFFFU, inside && over ? 1 : 0);
    if (lane != 0 || first + k > last) continue;
    const std::int64_t at = (first + k) * across + w;
    marks.occupied.words[at] = occupied_word;
    marks.beside.words[at] = beside_word;
    marks.above.words[at] = over_word;
  }
}

/// Sets the pixels of a word to 0.
__device__ void clear_pixels(std::uint32_t cleared, ImageView<std::int32_t> labels, std::int64_t w,
                             std::int64_t y) {
  for (; cleared != 0; cleared &= cleared - 1) labels.at(32 * w + lowest_bit(cleared), y) = 0;
}

/// `shorter` is the disk with rows one pixel shorter.
__global__ void __launch_bounds__(kTileThreads)
    open_near_kernel(Marks marks, DiskRows shorter, DiskRows disk, ImageView<std::int32_t> labels) {
  __shared__ TileRow beside[kTileRows + 4 * kNear];
  __shared__ TileRow above[kTileRows + 4 * kNear];
  __shared__ TileRow kept[kTileRows + 2 * kNear];
  const TilePlace place = tile_place(marks.occupied);
  load_tile(marks.beside, place, 2 * disk.radius, beside);
  load_tile(marks.above, place, 2 * disk.radius, above);
  __syncthreads();
  const int rows = kTileRows + 2 * disk.radius;
  for (int i = static_cast<int>(threadIdx.x); i < rows * (kTileWords + 2); i += kTileThreads) {
    const int row = i / (kTileWords + 2);
    const int column = i % (kTileWords + 2) + 1;
    const int middle = row + disk.radius;
    std::uint32_t crossed = spread_in_tile(beside, middle, column, shorter);
    for (int dy = 1 - disk.radius; dy < disk.radius; ++dy) crossed |= above[middle + dy][column];
    kept[row][column] =
        ~crossed & marks.occupied.word(place.word + column - 2, place.row + row - disk.radius);
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileWords; i += kTileThreads) {
    const int row = i / kTileWords;
    const int column = i % kTileWords;
    const std::int64_t w = place.word + column;
    const std::int64_t y = place.row + row;
    const std::uint32_t occupied = marks.occupied.word(w, y);
    if (occupied == 0) continue;
    const std::uint32_t keep = spread_in_tile(kept, row + disk.radius, column + 2, disk);
    clear_pixels(occupied & ~keep, labels, w, y);
  }
}

/// kept = the occupied pixels that no border is near; `crossed` are those near one between columns.
__global__ void keep_kernel(Marks marks, BitPlane crossed, std::int32_t radius, BitPlane kept) {
  const std::int64_t i = element();
  if (i >= kept.count()) return;
  const std::int64_t y = i / kept.row_words();
  const std::int64_t w = i - y * kept.row_words();
  std::uint32_t near = crossed.words[i];
  for (std::int64_t v = y - radius + 1; v < y + radius; ++v) near |= marks.above.word(w, v);
  kept.words[i] = marks.occupied.words[i] & ~near;
}

__global__ void clear_kernel(BitPlane occupied, BitPlane kept, ImageView<std::int32_t> labels) {
  const std::int64_t i = element();
  if (i >= kept.count()) return;
  const std::int64_t y = i / kept.row_words();
  const std::int64_t w = i - y * kept.row_words();
  clear_pixels(occupied.words[i] & ~kept.words[i], labels, w, y);
}

/// Of radius >= 1.
Disk with_shorter_rows(const Disk& disk) {
  Disk shorter;
  for (const std::uint8_t half_width : disk.half_width) {
    if (half_width > 0) shorter.half_width.push_back(static_cast<std::uint8_t>(half_width - 1));
  }
  return shorter;
}

}  // namespace

std::size_t open_labels_scratch_bytes(std::int64_t width, std::int64_t height) {
  return 5 * bits_bytes(width, height);
}

void open_labels(Queue& queue, ImageView<std::int32_t> labels, const Disk& disk) {
  if (disk.radius() == 0 || labels.empty()) return;
  const ScratchScope scope(queue);
  const auto plane = [&] { return take_bits(queue, labels.width, labels.height); };
  const Marks marks{plane(), plane(), plane()};
  const std::int64_t strips =
      marks.occupied.row_words() * ((labels.height + kStripRows - 1) / kStripRows);
  launch_over(queue, "mark_labels", mark_kernel, 32 * strips, labels, marks);
  const DiskRows rows = disk_rows(disk);
  const DiskRows shorter = disk_rows(with_shorter_rows(disk));
  if (rows.radius <= kNear) {
    launch(queue, "open_labels", open_near_kernel, dim3(blocks_for(tiles_of(marks.occupied), 1)),
           dim3(kTileThreads), marks, shorter, rows, labels);
    return;
  }
  const BitPlane crossed = plane();
  const BitPlane kept = plane();
  spread_bits(queue, marks.beside, shorter, false, crossed);
  launch_over(queue, "keep_labels", keep_kernel, kept.count(), marks, crossed, rows.radius, kept);
  spread_bits(queue, kept, rows, false, crossed);
  launch_over(queue, "clear_labels", clear_kernel, kept.count(), marks.occupied, crossed, labels);
}

}  // namespace tilepool::gpu
