#include "cuda/kernels/distance.h"
#include "cuda/kernels/launch.cuh"

// Zeros of a column are bits of words of kBand rows, in which the nearest one is found fast. From
// the distances along the columns, a search to both sides of each pixel that ends where nothing
// nearer can be: short, since distances in masks of nuclei are.

namespace tilepool::gpu {
namespace {

constexpr int kBand = 32;
/// Its square is kFarSquared: longer distances along a column play no part.
constexpr std::uint32_t kNoZero = 1U << 15;
static_assert(kNoZero * kNoZero == kFarSquared);
/// Squares from which distance_sixteenths is at its limit.
constexpr std::uint32_t kFarSixteenths = 256 * 256;

constexpr std::int64_t bands_of(std::int64_t height) { return (height + kBand - 1) / kBand; }

struct Place {
  std::int64_t x, y;
};
/// Of element `i` < 2^31 of a plane.
__device__ __forceinline__ Place place_of(std::int64_t i, std::int64_t width) {
  const std::int64_t y = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(width);
  return {i - y * width, y};
}

/// Bit i of zeros[b][x]: pixel x of row b * kBand + i is 0.
__global__ void __launch_bounds__(kThreads)
    pack_zeros_kernel(ImageView<const std::uint8_t> mask, ImageView<std::uint32_t> zeros) {
  const std::int64_t i = element();
  if (i >= zeros.pixels()) return;
  const auto [x, band] = place_of(i, zeros.width);
  const std::int64_t first = band * kBand;
  std::uint32_t bits = 0;
  if (first + kBand <= mask.height) {
#pragma unroll
    for (int row = 0; row < kBand; ++row) bits |= mask.at(x, first + row) == 0 ? 1U << row : 0U;
  } else {
    for (int row = 0; first + row < mask.height; ++row)
      bits |= mask.at(x, first + row) == 0 ? 1U << row : 0U;
  }
  zeros.at(x, band) = bits;
}

/// Rows between the band and the last zero above it, looked for in `reach` bands.
__device__ __forceinline__ std::uint32_t rows_above(ImageView<const std::uint32_t> zeros,
                                                    std::int64_t x, std::int64_t band,
                                                    std::int64_t reach) {
  const std::int64_t end = max(band - reach, std::int64_t{0});
  for (std::int64_t b = band - 1; b >= end; --b) {
    const std::uint32_t bits = zeros.at(x, b);
    if (bits != 0)
      return static_cast<std::uint32_t>(kBand * (band - 1 - b) + __clz(static_cast<int>(bits)));
  }
  return kNoZero;
}
/// Rows between the band and the first zero below it.
__device__ __forceinline__ std::uint32_t rows_below(ImageView<const std::uint32_t> zeros,
                                                    std::int64_t x, std::int64_t band,
                                                    std::int64_t reach) {
  const std::int64_t end = min(band + reach, zeros.height - 1);
  for (std::int64_t b = band + 1; b <= end; ++b) {
    const std::uint32_t bits = zeros.at(x, b);
    if (bits != 0)
      return static_cast<std::uint32_t>(kBand * (b - band - 1) + __ffs(static_cast<int>(bits)) - 1);
  }
  return kNoZero;
}

/// out[y][x] = distance along the column to the nearest zero, at most kNoZero. A thread does a
/// column of a band.
__global__ void __launch_bounds__(kThreads)
    column_distance_kernel(ImageView<const std::uint32_t> zeros, std::int64_t reach,
                           ImageView<std::uint16_t> out) {
  const std::int64_t i = element();
  if (i >= zeros.pixels()) return;
  const auto [x, band] = place_of(i, zeros.width);
  const std::uint32_t bits = zeros.at(x, band);
  std::uint32_t below[kBand];
  std::uint32_t distance = (bits >> (kBand - 1)) != 0 ? 0 : rows_below(zeros, x, band, reach);
#pragma unroll
  for (int row = kBand - 1; row >= 0; --row) {
    distance = (bits >> row & 1U) != 0 ? 0 : distance + 1;
    below[row] = distance;
  }
  distance = (bits & 1U) != 0 ? 0 : rows_above(zeros, x, band, reach);
#pragma unroll
  for (int row = 0; row < kBand; ++row) {
    distance = (bits >> row & 1U) != 0 ? 0 : distance + 1;
    const std::int64_t y = band * kBand + row;
    if (y < out.height)
      out.at(x, y) = static_cast<std::uint16_t>(min(min(distance, below[row]), kNoZero));
  }
}

/// The least square of a distance to a zero, if below `far`.
__device__ __forceinline__ std::uint32_t least_square(const std::uint16_t* column_distance,
                                                      int width, int x, std::uint32_t far) {
  const std::uint32_t own = column_distance[x];
  std::uint32_t best = min(own * own, far);
  const int last = max(x, width - 1 - x);
  // Two steps a round, for more reads under way. Beyond the row's ends its last pixel stands in: a
  // step that is too long finds nothing nearer than the right one did.
  for (int k = 1; k <= last && static_cast<std::uint32_t>(k * k) < best; k += 2) {
#pragma unroll
    for (int step = k; step < k + 2; ++step) {
      const std::uint32_t left = column_distance[max(x - step, 0)];
      const std::uint32_t right = column_distance[min(x, width - 1 - step) + step];
      const std::uint32_t nearer = min(left, right);
      best = min(best, nearer * nearer + static_cast<std::uint32_t>(step * step));
    }
  }
  return best;
}

/// floor(16 sqrt(square)), at most 4095.
__device__ __forceinline__ std::uint32_t sixteenths(std::uint32_t square) {
  if (square >= kFarSixteenths) return 4095;
  const std::uint32_t value = 256 * square;  // below 2^24, so exact as a float
  auto root = static_cast<std::uint32_t>(sqrtf(static_cast<float>(value)));
  if (root * root > value) --root;
  return root;
}

struct Squared {
  static constexpr std::uint32_t kFar = kFarSquared;
  ImageView<std::int32_t> out;
  __device__ __forceinline__ void operator()(const Place& at, std::uint32_t square) const {
    out.at(at.x, at.y) = static_cast<std::int32_t>(square);
  }
};

struct Sixteenths {
  static constexpr std::uint32_t kFar = kFarSixteenths;
  ImageView<std::uint16_t> out;
  __device__ __forceinline__ void operator()(const Place& at, std::uint32_t square) const {
    out.at(at.x, at.y) = static_cast<std::uint16_t>(sixteenths(square));
  }
};

struct Raised {
  static constexpr std::uint32_t kFar = kFarSixteenths;
  ImageView<const std::uint16_t> plane;
  std::int32_t gain_256;
  ImageView<std::uint16_t> out;
  __device__ __forceinline__ void operator()(const Place& at, std::uint32_t square) const {
    std::int32_t height = 0;
    if (square != 0) {
      const std::int32_t rise = (gain_256 * plane.at(at.x, at.y)) >> 8;
      height = min(static_cast<std::int32_t>(sixteenths(square)) + rise, 4095);
    }
    out.at(at.x, at.y) = static_cast<std::uint16_t>(height);
  }
};

template <class Store>
__global__ void __launch_bounds__(kThreads)
    row_distance_kernel(ImageView<const std::uint16_t> column_distance, Store store) {
  const std::int64_t i = element();
  if (i >= column_distance.pixels()) return;
  const Place at = place_of(i, column_distance.width);
  store(at, least_square(column_distance.row(at.y), static_cast<int>(column_distance.width),
                         static_cast<int>(at.x), Store::kFar));
}

template <class Store>
void transform(Queue& queue, const char* name, ImageView<const std::uint8_t> mask,
               const Store& store) {
  if (mask.empty()) return;
  const ScratchScope scope(queue);
  const auto zeros = queue.scratch().take_image<std::uint32_t>(mask.width, bands_of(mask.height));
  const auto columns = queue.scratch().take_image<std::uint16_t>(mask.width, mask.height);
  constexpr std::int64_t kReach = Store::kFar == kFarSixteenths ? 256 / kBand : kNoZero / kBand;
  launch_over(queue, name, pack_zeros_kernel, zeros.pixels(), mask, zeros);
  launch_over(queue, name, column_distance_kernel, zeros.pixels(), zeros, kReach, columns);
  launch_over(queue, name, row_distance_kernel<Store>, columns.pixels(), columns, store);
}

}  // namespace

std::size_t squared_distance_scratch_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(4 * static_cast<std::size_t>(width * bands_of(height))) +
         arena_bytes(2 * static_cast<std::size_t>(width * height));
}

void squared_distance(Queue& queue, ImageView<const std::uint8_t> mask,
                      ImageView<std::int32_t> out) {
  transform(queue, "squared_distance", mask, Squared{out});
}

std::size_t distance_sixteenths_scratch_bytes(std::int64_t width, std::int64_t height) {
  return squared_distance_scratch_bytes(width, height);
}

void distance_sixteenths(Queue& queue, ImageView<const std::uint8_t> mask,
                         ImageView<std::uint16_t> out) {
  transform(queue, "distance_sixteenths", mask, Sixteenths{out});
}

void raised_distance(Queue& queue, ImageView<const std::uint8_t> mask,
                     ImageView<const std::uint16_t> plane, std::int32_t gain_256,
                     ImageView<std::uint16_t> height) {
  transform(queue, "raised_distance", mask, Raised{plane, gain_256, height});
}

}  // namespace tilepool::gpu
