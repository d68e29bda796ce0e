#include "common/base/exception.h"
#include "cuda/kernels/row_sums.cuh"
#include "cuda/kernels/tissue_filters.h"

namespace tilepool::gpu {
namespace {

// --- Median -------------------------------------------------------------------------------------

constexpr int kReach = 3;
constexpr int kSide = 2 * kReach + 1;
constexpr int kRank = kSide * kSide / 2;  // of the values in order, counted from 0
constexpr int kTileWidth = 32;
constexpr int kTileHeight = 8;
static_assert(kThreads == kTileWidth * kTileHeight);

/// The largest m such that at most kRank values are below m: bit by bit from the highest.
__device__ __forceinline__ std::uint32_t median(const std::uint32_t (&value)[kSide * kSide]) {
  std::uint32_t m = 0;
#pragma unroll 1
  for (std::uint32_t bit = 128; bit > 0; bit /= 2) {
    const std::uint32_t higher = m | bit;
    int below = 0;
#pragma unroll
    for (const std::uint32_t v : value) below += v < higher ? 1 : 0;
    if (below <= kRank) m = higher;
  }
  return m;
}

__global__ void __launch_bounds__(kThreads)
    median_kernel(ImageView<const std::uint8_t> in, unsigned tiles_per_row,
                  ImageView<std::uint8_t> out) {
  constexpr int kColumns = kTileWidth + 2 * kReach;
  constexpr int kRows = kTileHeight + 2 * kReach;
  __shared__ std::uint8_t tile[kRows][kColumns];
  const std::int64_t left = std::int64_t{blockIdx.x % tiles_per_row} * kTileWidth;
  const std::int64_t top = std::int64_t{blockIdx.x / tiles_per_row} * kTileHeight;
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kColumns; i += kThreads) {
    const std::int64_t x = left + i % kColumns - kReach;
    const std::int64_t y = top + i / kColumns - kReach;
    tile[i / kColumns][i % kColumns] = in.at(min(max(x, std::int64_t{0}), in.width - 1),
                                             min(max(y, std::int64_t{0}), in.height - 1));
  }
  __syncthreads();
  const int column = static_cast<int>(threadIdx.x) % kTileWidth;
  const int row = static_cast<int>(threadIdx.x) / kTileWidth;
  if (left + column >= out.width || top + row >= out.height) return;
  std::uint32_t value[kSide * kSide];
#pragma unroll
  for (int i = 0; i < kSide * kSide; ++i) value[i] = tile[row + i / kSide][column + i % kSide];
  out.at(left + column, top + row) = static_cast<std::uint8_t>(median(value));
}

// --- Means and variances of windows -------------------------------------------------------------

constexpr std::int64_t kBand = 32;  // rows of a thread

/// A pixel's value and square, and sums of both, which stay below 2^32 in any window of 129 x 129.
/// Sums of longer rows run over, but their differences are right modulo 2^64.
__device__ __forceinline__ std::uint64_t packed(std::uint32_t value) {
  return std::uint64_t{value} << 32 | value * value;
}
__device__ __forceinline__ Quad<std::uint64_t> packed_quad(ImageView<const std::uint8_t> in,
                                                           bool wide, std::int64_t x,
                                                           std::int64_t y) {
  const std::uint8_t* const from = &in.at(x, y);
  if (wide && x + kQuad <= in.width) {
    const auto four = load_wide<std::uint32_t>(from);
    return {{packed(four & 0xFFU), packed(four >> 8 & 0xFFU), packed(four >> 16 & 0xFFU),
             packed(four >> 24)}};
  }
  Quad<std::uint64_t> quad;
#pragma unroll
  for (int i = 0; i < kQuad; ++i)
    if (x + i < in.width) quad.at[i] = packed(from[i]);
  return quad;
}

/// sums[y][x] = column x of the rows of the window around row y.
__global__ void __launch_bounds__(kThreads)
    window_columns_kernel(ImageView<const std::uint8_t> in, bool wide, std::int64_t radius,
                          ImageView<std::uint64_t> sums) {
  const std::int64_t quads = sums.width / kQuad;
  const std::int64_t i = element();
  if (i >= quads * ((in.height + kBand - 1) / kBand)) return;
  const std::int64_t band = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(quads);
  const std::int64_t x = (i - band * quads) * kQuad;
  const std::int64_t first = band * kBand;
  const std::int64_t begin = max(first - radius - 1, std::int64_t{0});
  const std::int64_t end = min(first + radius, in.height);
  Quad<std::uint64_t> sum;
#pragma unroll 4
  for (std::int64_t y = begin; y < end; ++y) sum += packed_quad(in, wide, x, y);
#pragma unroll 4
  for (std::int64_t y = first; y < min(first + kBand, in.height); ++y) {
    if (y + radius < in.height) sum += packed_quad(in, wide, x, y + radius);
    if (y - radius - 1 >= 0) sum -= packed_quad(in, wide, x, y - radius - 1);
    store_quad(&sums.at(x, y), sum);
  }
}

struct Mean {
  using Value = std::uint8_t;
  __device__ __forceinline__ Value operator()(std::uint32_t n, std::uint64_t window) const {
    const auto sum = static_cast<std::uint32_t>(window >> 32);
    return static_cast<Value>((sum + n / 2) / n);
  }
};

struct Variance {
  using Value = std::uint16_t;
  __device__ __forceinline__ Value operator()(std::uint32_t n, std::uint64_t window) const {
    const std::uint64_t sum = window >> 32;
    const std::uint64_t square = window & 0xFFFFFFFFU;
    return static_cast<Value>((n * square - sum * sum) / (std::uint64_t{n} * n));
  }
};

template <class Of>
__global__ void __launch_bounds__(kThreads)
    window_rows_kernel(ImageView<const std::uint64_t> columns, RowPart part, std::int64_t radius,
                       Of of, ImageView<typename Of::Value> out) {
  __shared__ std::uint64_t prefix[kSlots];
  const std::int64_t y = part.row();
  const std::int64_t begin = part.begin();
  const std::int64_t end = min(begin + part.outputs, out.width);
  const std::int64_t first = part.first_sum(radius);
  prefix_sums(columns.row(y), columns.width, first, prefix,
              [](std::uint64_t column) { return column; });
  const std::int64_t rows = min(y + radius, out.height - 1) - max(y - radius, std::int64_t{0}) + 1;
  for (std::int64_t x = begin + threadIdx.x; x < end; x += kThreads) {
    const std::uint64_t window = prefix[slot(static_cast<int>(x + radius - first))] -
                                 prefix[slot(static_cast<int>(x - radius - 1 - first))];
    const std::int64_t across =
        min(x + radius, out.width - 1) - max(x - radius, std::int64_t{0}) + 1;
    out.at(x, y) = of(static_cast<std::uint32_t>(rows * across), window);
  }
}

template <class Of>
void for_windows(Queue& queue, const char* name, ImageView<const std::uint8_t> in,
                 std::int64_t radius, ImageView<typename Of::Value> out) {
  if (radius < 1 || radius > 64) throw Error(ErrorCode::kInternal, "window radius is not in 1..64");
  if (in.empty()) return;
  const ScratchScope scope(queue);
  const auto columns = queue.scratch().take_image<std::uint64_t>(whole_quads(in.width), in.height);
  launch_over(queue, name, window_columns_kernel,
              columns.width / kQuad * ((in.height + kBand - 1) / kBand), in,
              rows_begin_at(in, kQuad), radius, columns);
  const RowPart part = row_part(in.width, radius);
  launch(queue, name, window_rows_kernel<Of>, dim3(blocks_for(part.parts * in.height, 1)),
         dim3(kThreads), columns, part, radius, Of{}, out);
}

}  // namespace

void median_7x7(Queue& queue, ImageView<const std::uint8_t> in, ImageView<std::uint8_t> out) {
  if (in.empty()) return;
  const unsigned across = blocks_for(in.width, kTileWidth);
  launch(queue, "median_7x7", median_kernel,
         dim3(blocks_for(across * ((in.height + kTileHeight - 1) / kTileHeight), 1)),
         dim3(kThreads), in, across, out);
}

void window_mean(Queue& queue, ImageView<const std::uint8_t> in, std::int64_t radius,
                 ImageView<std::uint8_t> out) {
  for_windows<Mean>(queue, "window_mean", in, radius, out);
}

void window_variance(Queue& queue, ImageView<const std::uint8_t> in, std::int64_t radius,
                     ImageView<std::uint16_t> out) {
  for_windows<Variance>(queue, "window_variance", in, radius, out);
}

std::size_t window_scratch_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(8 * static_cast<std::size_t>(whole_quads(width) * height));
}

}  // namespace tilepool::gpu
