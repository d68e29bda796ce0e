#include "cuda/kernels/bits.cuh"
#include "cuda/kernels/disk_spread.cuh"
#include "cuda/kernels/morphology.h"

namespace tilepool::gpu {
namespace {

/// What a block writes: one word more, for write_bytes.
struct TileResult {
  std::uint32_t words[kTileRows][kTileWords + 1];
};

__device__ void write_tile(const TileResult& result, TilePlace place, ImageView<std::uint8_t> out) {
  const int warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t begin = 32 * place.word;
  const std::int64_t end = min(begin + 32 * kTileWords, out.width);
  for (int row = warp; row < kTileRows && place.row + row < out.height; row += kTileThreads / 32) {
    write_bytes(result.words[row], out.row(place.row + row), begin, end,
                static_cast<int>(threadIdx.x % 32), 32);
  }
}

__device__ void spread_result(const TileRow* tile, const DiskRows& disk, std::uint32_t flip,
                              TileResult& result) {
  for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileWords; i += kTileThreads) {
    const int row = i / kTileWords;
    const int column = i % kTileWords;
    result.words[row][column] = spread_in_tile(tile, row + disk.radius, column + 2, disk) ^ flip;
  }
}

/// `bits` is the opposite of what is eroded.
__global__ void __launch_bounds__(kTileThreads)
    spread_near_kernel(BitPlane bits, DiskRows disk, bool opposite, ImageView<std::uint8_t> out) {
  __shared__ TileRow tile[kTileRows + 2 * kNear];
  __shared__ TileResult result;
  const TilePlace place = tile_place(bits);
  load_tile(bits, place, disk.radius, tile);
  __syncthreads();
  spread_result(tile, disk, opposite ? ~0U : 0U, result);
  __syncthreads();
  write_tile(result, place, out);
}

__global__ void __launch_bounds__(kTileThreads)
    open_near_kernel(BitPlane zeros, DiskRows disk, ImageView<std::uint8_t> out) {
  __shared__ TileRow tile[kTileRows + 4 * kNear];
  __shared__ TileRow eroded[kTileRows + 2 * kNear];
  __shared__ TileResult result;
  const TilePlace place = tile_place(zeros);
  load_tile(zeros, place, 2 * disk.radius, tile);
  __syncthreads();
  const int rows = kTileRows + 2 * disk.radius;
  for (int i = static_cast<int>(threadIdx.x); i < rows * (kTileWords + 2); i += kTileThreads) {
    const int row = i / (kTileWords + 2);
    const int column = i % (kTileWords + 2) + 1;
    const std::int64_t y = place.row + row - disk.radius;
    const std::uint32_t inside =
        y >= 0 && y < zeros.height ? zeros.columns(place.word + column - 2) : 0;
    eroded[row][column] = ~spread_in_tile(tile, row + disk.radius, column, disk) & inside;
  }
  __syncthreads();
  spread_result(eroded, disk, 0, result);
  __syncthreads();
  write_tile(result, place, out);
}

void spread(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk, bool opposite,
            ImageView<std::uint8_t> out) {
  if (in.empty()) return;
  const ScratchScope scope(queue);
  const DiskRows rows = disk_rows(disk);
  const BitPlane bits = take_bits(queue, in.width, in.height);
  pack_mask(queue, in, opposite, bits);
  if (rows.radius <= kNear) {
    launch(queue, "spread_near", spread_near_kernel, dim3(blocks_for(tiles_of(bits), 1)),
           dim3(kTileThreads), bits, rows, opposite, out);
    return;
  }
  const BitPlane result = take_bits(queue, in.width, in.height);
  spread_bits(queue, bits, rows, opposite, result);
  unpack_mask(queue, result, out);
}

}  // namespace

std::size_t morphology_scratch_bytes(std::int64_t width, std::int64_t height) {
  return 2 * bits_bytes(width, height);
}

void erode(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
           ImageView<std::uint8_t> out) {
  spread(queue, in, disk, true, out);
}

void dilate(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
            ImageView<std::uint8_t> out) {
  spread(queue, in, disk, false, out);
}

void open(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
          ImageView<std::uint8_t> out) {
  if (in.empty()) return;
  const ScratchScope scope(queue);
  const DiskRows rows = disk_rows(disk);
  const BitPlane zeros = take_bits(queue, in.width, in.height);
  pack_mask(queue, in, true, zeros);
  if (rows.radius <= kNear) {
    launch(queue, "open_near", open_near_kernel, dim3(blocks_for(tiles_of(zeros), 1)),
           dim3(kTileThreads), zeros, rows, out);
    return;
  }
  const BitPlane eroded = take_bits(queue, in.width, in.height);
  spread_bits(queue, zeros, rows, true, eroded);
  spread_bits(queue, eroded, rows, false, zeros);
  unpack_mask(queue, zeros, out);
}

}  // namespace tilepool::gpu
