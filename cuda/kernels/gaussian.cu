#include <algorithm>

#include "cuda/kernels/gaussian.h"
#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/wide.cuh"

namespace tilepool::gpu {
namespace {

// --- Small radii: both passes of a tile in shared memory ----------------------------------------

constexpr int kTile = 64;  // pixels of a block, in both directions
constexpr int kRun = 16;   // neighbouring pixels of a thread, so that it reads what they share once
constexpr int kMostFused = 16;
static_assert(kThreads == kTile * kTile / kRun);

struct SmallWeights {
  std::uint32_t at[kMostFused + 1];  ///< 0 beyond the radius
};

template <int kRadius>
struct Tile {
  static constexpr int kHalo = (kRadius + 7) / 8 * 8;  ///< to the sides: 16 bytes or more of them
  static constexpr int kRows = kTile + 2 * kRadius;
  static constexpr int kColumns = kTile + 2 * kHalo;
  // Rows are 4 words more than a multiple of 8 apart: eight threads that access 16 bytes each, four
  // in one row and four in the next, meet 32 different banks.
  static constexpr int kPitch = kColumns + 8;
  static constexpr int kSmoothPitch = kTile + 8;
  alignas(16) std::uint16_t in[kRows * kPitch];
  alignas(16) std::uint16_t smooth[kRows * kSmoothPitch];
};

/// Eight pixels from (x, y) on, replicated beyond the edges.
__device__ __forceinline__ uint4 load_eight(ImageView<const std::uint16_t> in, std::int64_t x,
                                            std::int64_t y, bool wide) {
  const std::uint16_t* const row = in.row(min(max(y, std::int64_t{0}), in.height - 1));
  if (wide && x >= 0 && x + 8 <= in.width) return load_wide<uint4>(row + x);
  std::uint32_t word[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::int64_t left = min(max(x + 2 * i, std::int64_t{0}), in.width - 1);
    const std::int64_t right = min(max(x + 2 * i + 1, std::int64_t{0}), in.width - 1);
    word[i] = row[left] | std::uint32_t{row[right]} << 16;
  }
  return make_uint4(word[0], word[1], word[2], word[3]);
}

template <int kRadius>
__device__ __forceinline__ void load_tile(ImageView<const std::uint16_t> in, std::int64_t x,
                                          std::int64_t y, bool wide, Tile<kRadius>& tile) {
  using T = Tile<kRadius>;
  constexpr int kEights = T::kColumns / 8;
  for (int i = static_cast<int>(threadIdx.x); i < T::kRows * kEights; i += kThreads) {
    const int row = i / kEights;
    const int column = i % kEights * 8;
    store_wide(tile.in + row * T::kPitch + column,
               load_eight(in, x - T::kHalo + column, y - kRadius + row, wide));
  }
}

/// The weighted sum around value(i), i = 0 being the middle.
template <int kRadius, class Value>
__device__ __forceinline__ std::uint32_t weighted(const SmallWeights& weights, const Value& value) {
  std::uint32_t sum = weights.at[0] * value(0);
#pragma unroll
  for (int k = 1; k <= kRadius; ++k) sum += weights.at[k] * (value(-k) + value(k));
  return sum;
}

template <int kRadius>
__device__ __forceinline__ void smooth_rows(const SmallWeights& weights, Tile<kRadius>& tile) {
  using T = Tile<kRadius>;
  constexpr int kRuns = kTile / kRun;
  constexpr int kWords = (kRun + 2 * T::kHalo) / 2;
  for (int i = static_cast<int>(threadIdx.x); i < T::kRows * kRuns; i += kThreads) {
    const int row = i / kRuns;
    const int column = i % kRuns * kRun;
    std::uint32_t word[kWords];
#pragma unroll
    for (int w = 0; w < kWords; w += 4) {
      const uint4 four = load_wide<uint4>(tile.in + row * T::kPitch + column + 2 * w);
      word[w] = four.x;
      word[w + 1] = four.y;
      word[w + 2] = four.z;
      word[w + 3] = four.w;
    }
    std::uint32_t smoothed[kRun / 2];
#pragma unroll
    for (int j = 0; j < kRun; ++j) {
      const std::uint32_t sum = weighted<kRadius>(weights, [&](int k) {
        const int at = T::kHalo + j + k;
        return at % 2 == 0 ? word[at / 2] & 0xFFFFU : word[at / 2] >> 16;
      });
      const std::uint32_t value = (sum + (1U << 8)) >> 9;
      smoothed[j / 2] = j % 2 == 0 ? value : smoothed[j / 2] | value << 16;
    }
#pragma unroll
    for (int w = 0; w < kRun / 2; w += 4)
      store_wide(tile.smooth + row * T::kSmoothPitch + column + 2 * w,
                 make_uint4(smoothed[w], smoothed[w + 1], smoothed[w + 2], smoothed[w + 3]));
  }
}

template <int kRadius>
__device__ __forceinline__ void smooth_columns(const SmallWeights& weights,
                                               const Tile<kRadius>& tile, std::int64_t left,
                                               std::int64_t top, ImageView<std::uint16_t> out) {
  const int column = static_cast<int>(threadIdx.x) % kTile;
  const int first = static_cast<int>(threadIdx.x) / kTile * kRun;
  if (left + column >= out.width) return;
  std::uint32_t value[kRun + 2 * kRadius];
#pragma unroll
  for (int i = 0; i < kRun + 2 * kRadius; ++i)
    value[i] = tile.smooth[(first + i) * Tile<kRadius>::kSmoothPitch + column];
#pragma unroll
  for (int j = 0; j < kRun; ++j) {
    const std::uint32_t sum =
        weighted<kRadius>(weights, [&](int k) { return value[kRadius + j + k]; });
    const std::int64_t y = top + first + j;
    if (y < out.height)
      out.at(left + column, y) = static_cast<std::uint16_t>((sum + (1U << 14)) >> 15);
  }
}

template <int kRadius>
__global__ void __launch_bounds__(kThreads)
    smooth_tile_kernel(ImageView<const std::uint16_t> in, SmallWeights weights, bool wide,
                       std::int64_t tiles_per_row, ImageView<std::uint16_t> out) {
  __shared__ Tile<kRadius> tile;
  const std::int64_t tile_y = blockIdx.x / tiles_per_row;
  const std::int64_t left = (blockIdx.x - tile_y * tiles_per_row) * kTile;
  const std::int64_t top = tile_y * kTile;
  load_tile(in, left, top, wide, tile);
  __syncthreads();
  smooth_rows(weights, tile);
  __syncthreads();
  smooth_columns(weights, tile, left, top, out);
}

template <int kRadius>
void smooth_tiles(Queue& queue, ImageView<const std::uint16_t> in, const SmallWeights& weights,
                  ImageView<std::uint16_t> out) {
  const std::int64_t across = (in.width + kTile - 1) / kTile;
  const std::int64_t down = (in.height + kTile - 1) / kTile;
  launch(queue, "smooth", smooth_tile_kernel<kRadius>, dim3(blocks_for(across * down, 1)),
         dim3(kThreads), in, weights, rows_begin_at(in, 16), across, out);
}

/// `out` is not `in`.
void smooth_small(Queue& queue, ImageView<const std::uint16_t> in, const SmoothingKernel& kernel,
                  ImageView<std::uint16_t> out) {
  SmallWeights weights{};
  std::copy(kernel.weight.begin(), kernel.weight.end(), weights.at);
  const std::int64_t radius = kernel.radius();
  if (radius <= 2) return smooth_tiles<2>(queue, in, weights, out);
  if (radius <= 3) return smooth_tiles<3>(queue, in, weights, out);
  if (radius <= 4) return smooth_tiles<4>(queue, in, weights, out);
  if (radius <= 6) return smooth_tiles<6>(queue, in, weights, out);
  if (radius <= 8) return smooth_tiles<8>(queue, in, weights, out);
  if (radius <= 12) return smooth_tiles<12>(queue, in, weights, out);
  smooth_tiles<kMostFused>(queue, in, weights, out);
}

// --- Any radius: rows into scratch, then columns ------------------------------------------------

struct SomeWeights {
  static constexpr std::size_t kMost = 1536;
  std::uint16_t at[kMost];
};

__global__ void put_weights_kernel(SomeWeights some, std::uint16_t* weights, std::int64_t count) {
  const std::int64_t i = element();
  if (i < count) weights[i] = some.at[i];
}

/// From the host's memory by way of the kernels' parameters: the host's may go at once.
void put_weights(Queue& queue, std::span<const std::uint16_t> from, std::uint16_t* to) {
  while (!from.empty()) {
    SomeWeights some{};
    const std::size_t count = std::min(from.size(), SomeWeights::kMost);
    std::copy_n(from.begin(), count, some.at);
    launch_over(queue, "smooth", put_weights_kernel, static_cast<std::int64_t>(count), some, to,
                static_cast<std::int64_t>(count));
    from = from.subspan(count);
    to += count;
  }
}

template <bool kRows>
__global__ void smooth_pass_kernel(ImageView<const std::uint16_t> in, const std::uint16_t* weights,
                                   std::int64_t radius, ImageView<std::uint16_t> out) {
  const std::int64_t i = element();
  if (i >= in.pixels()) return;
  const std::int64_t y = i / in.width;
  const std::int64_t x = i - y * in.width;
  const std::int64_t middle = kRows ? x : y;
  const std::int64_t last = (kRows ? in.width : in.height) - 1;
  const std::uint16_t* const line = kRows ? in.row(y) : in.data + x;
  const std::int64_t step = kRows ? 1 : in.stride;
  std::uint32_t sum =
      std::uint32_t{weights[0]} * line[middle * step] + (kRows ? 1U << 8 : 1U << 14);
  for (std::int64_t k = 1; k <= radius; ++k) {
    const std::int64_t before = max(middle - k, std::int64_t{0});
    const std::int64_t after = min(middle + k, last);
    const auto pair = static_cast<std::uint16_t>(line[before * step] + line[after * step]);
    sum += std::uint32_t{weights[k]} * pair;
  }
  out.at(x, y) = static_cast<std::uint16_t>(sum >> (kRows ? 9 : 15));
}

void smooth_large(Queue& queue, ImageView<const std::uint16_t> in, const SmoothingKernel& kernel,
                  ImageView<std::uint16_t> out) {
  const ScratchScope scope(queue);
  const auto weights = queue.scratch().take<std::uint16_t>(kernel.weight.size());
  const auto rows = queue.scratch().take_image<std::uint16_t>(in.width, in.height);
  put_weights(queue, kernel.weight, weights.data());
  launch_over(queue, "smooth", smooth_pass_kernel<true>, in.pixels(), in, weights.data(),
              kernel.radius(), rows);
  launch_over(queue, "smooth", smooth_pass_kernel<false>, in.pixels(), rows, weights.data(),
              kernel.radius(), out);
}

void copy_plane(Queue& queue, ImageView<const std::uint16_t> from, ImageView<std::uint16_t> to) {
  const auto bytes = [](std::int64_t elements) { return 2 * static_cast<std::size_t>(elements); };
  check_cuda(cudaMemcpy2DAsync(to.data, bytes(to.stride), from.data, bytes(from.stride),
                               bytes(from.width), static_cast<std::size_t>(from.height),
                               cudaMemcpyDeviceToDevice, queue.stream()),
             "copying a plane");
}

}  // namespace

std::size_t smooth_scratch_bytes(std::int64_t width, std::int64_t height, std::int64_t radius) {
  const std::size_t plane = arena_bytes(2 * static_cast<std::size_t>(width * height));
  if (radius <= kMostFused) return plane;
  return plane + arena_bytes(2 * static_cast<std::size_t>(radius + 1));
}

void smooth(Queue& queue, ImageView<const std::uint16_t> in, const SmoothingKernel& kernel,
            ImageView<std::uint16_t> out) {
  if (in.empty()) return;
  if (kernel.radius() > kMostFused) return smooth_large(queue, in, kernel, out);
  if (in.data != out.data) return smooth_small(queue, in, kernel, out);
  const ScratchScope scope(queue);
  const auto smoothed = queue.scratch().take_image<std::uint16_t>(in.width, in.height);
  smooth_small(queue, in, kernel, smoothed);
  copy_plane(queue, smoothed, out);
}

}  // namespace tilepool::gpu
