#include "cuda/kernels/local_threshold.h"
#include "cuda/kernels/row_sums.cuh"

// Three kernels: sums of the columns of bands of kBand rows; from these and the pixels, sums of the
// columns of each pixel's square; from those, by prefix sums along the row, sums of the squares.
// A sum and a count travel in one word, since their fields never run over.

namespace tilepool::gpu {
namespace {

constexpr std::int64_t kBand = 32;

/// The counted pixels of one column of a square: up to 2 radius + 1 of them, each at most 4095.
template <class Word>
struct Packed {
  static constexpr int kSumBits = sizeof(Word) == 4 ? 22 : 40;
  static constexpr std::int64_t kMostRadius = sizeof(Word) == 4 ? 511 : 1000;
  static_assert(4095 * (2 * kMostRadius + 1) < (Word{1} << kSumBits));
  static __device__ __forceinline__ Word of(std::uint32_t value, std::uint32_t counted) {
    return counted != 0 ? Word{value} | Word{1} << kSumBits : Word{0};
  }
};

/// A square's: sum and count, also as differences modulo 2^64 of sums along a row.
struct Square {
  static constexpr int kSumBits = 40;
  static_assert(4095LL * 2001 * 2001 < (1LL << kSumBits) && 2001 * 2001 < (1 << (64 - kSumBits)));
  std::uint64_t bits;
  template <class Word>
  static __device__ __forceinline__ std::uint64_t of(Word column) {
    constexpr int kBits = Packed<Word>::kSumBits;
    return (std::uint64_t{column} & ((Word{1} << kBits) - 1)) | std::uint64_t{column >> kBits}
                                                                    << kSumBits;
  }
  [[nodiscard]] __device__ __forceinline__ std::int64_t sum() const {
    return static_cast<std::int64_t>(bits & ((std::uint64_t{1} << kSumBits) - 1));
  }
  [[nodiscard]] __device__ __forceinline__ std::int64_t count() const {
    return static_cast<std::int64_t>(bits >> kSumBits);
  }
};

/// The two images as one; beyond the right edge nothing is counted.
struct Pixels {
  ImageView<const std::uint16_t> plane;
  ImageView<const std::uint8_t> counted;
  bool wide;  ///< four neighbours from a multiple of four on may be read at once

  template <class Word>
  [[nodiscard]] __device__ __forceinline__ Quad<Word> quad(std::int64_t x, std::int64_t y) const {
    const std::uint16_t* const value = &plane.at(x, y);
    const std::uint8_t* const on = &counted.at(x, y);
    Quad<Word> quad;
    if (wide && x + kQuad <= plane.width) {
      const uint2 values = load_wide<uint2>(value);
      const auto ons = load_wide<std::uint32_t>(on);
      quad.at[0] = Packed<Word>::of(values.x & 0xFFFFU, ons & 0xFFU);
      quad.at[1] = Packed<Word>::of(values.x >> 16, ons & 0xFF00U);
      quad.at[2] = Packed<Word>::of(values.y & 0xFFFFU, ons & 0xFF0000U);
      quad.at[3] = Packed<Word>::of(values.y >> 16, ons >> 24);
      return quad;
    }
#pragma unroll
    for (int i = 0; i < kQuad; ++i)
      if (x + i < plane.width) quad.at[i] = Packed<Word>::of(value[i], on[i]);
    return quad;
  }
};

constexpr std::int64_t bands_of(std::int64_t height) { return (height + kBand - 1) / kBand; }

/// sums[b][x] = column x of the rows of band b.
template <class Word>
__global__ void __launch_bounds__(kThreads) band_sums_kernel(Pixels pixels, ImageView<Word> sums) {
  const std::int64_t quads = sums.width / kQuad;
  const std::int64_t i = element();
  if (i >= quads * sums.height) return;
  const std::int64_t band = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(quads);
  const std::int64_t x = (i - band * quads) * kQuad;
  const std::int64_t end = min((band + 1) * kBand, pixels.plane.height);
  Quad<Word> sum;
#pragma unroll 8
  for (std::int64_t y = band * kBand; y < end; ++y) sum += pixels.quad<Word>(x, y);
  store_quad(&sums.at(x, band), sum);
}

/// Of the rows [begin, end).
template <class Word>
__device__ __forceinline__ Quad<Word> column_sums(const Pixels& pixels, ImageView<const Word> bands,
                                                  std::int64_t x, std::int64_t begin,
                                                  std::int64_t end) {
  Quad<Word> sum;
  std::int64_t y = begin;
#pragma unroll 4
  for (; y < end && y % kBand != 0; ++y) sum += pixels.quad<Word>(x, y);
#pragma unroll 4
  for (; y + kBand <= end; y += kBand) sum += load_quad(&bands.at(x, y / kBand));
#pragma unroll 4
  for (; y < end; ++y) sum += pixels.quad<Word>(x, y);
  return sum;
}

/// sums[y][x] = column x of the rows of the square around row y. A thread does a band's rows of
/// four columns.
template <class Word>
__global__ void __launch_bounds__(kThreads)
    square_columns_kernel(Pixels pixels, ImageView<const Word> bands, std::int64_t radius,
                          ImageView<Word> sums) {
  const std::int64_t quads = sums.width / kQuad;
  const std::int64_t i = element();
  if (i >= quads * bands.height) return;
  const std::int64_t band = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(quads);
  const std::int64_t x = (i - band * quads) * kQuad;
  const std::int64_t height = pixels.plane.height;
  const std::int64_t first = band * kBand;
  Quad<Word> sum = column_sums(pixels, bands, x, max(first - radius - 1, std::int64_t{0}),
                               min(first + radius, height));
#pragma unroll 4
  for (std::int64_t y = first; y < min(first + kBand, height); ++y) {
    if (y + radius < height) sum += pixels.quad<Word>(x, y + radius);
    if (y - radius - 1 >= 0) sum -= pixels.quad<Word>(x, y - radius - 1);
    store_quad(&sums.at(x, y), sum);
  }
}

// --- Along the rows -----------------------------------------------------------------------------

__device__ __forceinline__ std::uint32_t is_above(const Square& square, std::uint32_t value,
                                                  std::uint32_t counted, const LocalThreshold& t) {
  const std::int64_t excess =
      256 * std::int64_t{value} - std::int64_t{256 - t.weight_256} * t.global;
  return counted != 0 && excess * square.count() > t.weight_256 * square.sum() ? 1U : 0U;
}

template <class Word>
__global__ void __launch_bounds__(kThreads)
    threshold_kernel(Pixels pixels, ImageView<const Word> columns, RowPart part, LocalThreshold t,
                     bool wide_out, ImageView<std::uint8_t> out) {
  __shared__ std::uint64_t prefix[kSlots];
  const std::int64_t y = part.row();
  const std::int64_t begin = part.begin();
  const std::int64_t end = min(begin + part.outputs, out.width);
  const std::int64_t first = part.first_sum(t.radius_px);
  prefix_sums(columns.row(y), columns.width, first, prefix,
              [](Word column) { return Square::of(column); });
  for (std::int64_t x = begin + kQuad * threadIdx.x; x < end; x += kQuad * kThreads) {
    const int low = static_cast<int>(x - t.radius_px - 1 - first);
    const int high = static_cast<int>(x + t.radius_px - first);
    const auto above = [&](int i, std::uint32_t value, std::uint32_t counted) {
      return is_above({prefix[slot(high + i)] - prefix[slot(low + i)]}, value, counted, t);
    };
    if (wide_out && x + kQuad <= out.width) {
      const uint2 values = load_wide<uint2>(&pixels.plane.at(x, y));
      const auto on = load_wide<std::uint32_t>(&pixels.counted.at(x, y));
      store_wide(&out.at(x, y), above(0, values.x & 0xFFFFU, on & 0xFFU) |
                                    above(1, values.x >> 16, on & 0xFF00U) << 8 |
                                    above(2, values.y & 0xFFFFU, on & 0xFF0000U) << 16 |
                                    above(3, values.y >> 16, on >> 24) << 24);
      continue;
    }
    for (int i = 0; i < kQuad && x + i < end; ++i)
      out.at(x + i, y) = static_cast<std::uint8_t>(
          above(i, pixels.plane.at(x + i, y), pixels.counted.at(x + i, y)));
  }
}

template <class Word>
void threshold_with(Queue& queue, const Pixels& pixels, const LocalThreshold& threshold,
                    ImageView<std::uint8_t> out) {
  const std::int64_t width = whole_quads(out.width);
  const std::int64_t bands = bands_of(out.height);
  const ScratchScope scope(queue);
  const auto band_sums = queue.scratch().take_image<Word>(width, bands);
  const auto columns = queue.scratch().take_image<Word>(width, out.height);
  launch_over(queue, "above_local_threshold: bands", band_sums_kernel<Word>, width / kQuad * bands,
              pixels, band_sums);
  launch_over(queue, "above_local_threshold: columns", square_columns_kernel<Word>,
              width / kQuad * bands, pixels, band_sums, threshold.radius_px, columns);
  const RowPart part = row_part(out.width, threshold.radius_px);
  launch(queue, "above_local_threshold: rows", threshold_kernel<Word>,
         dim3(blocks_for(part.parts * out.height, 1)), dim3(kThreads), pixels, columns, part,
         threshold, pixels.wide && rows_begin_at(out, kQuad), out);
}

/// Whether the sums of a square's columns fit 32 bits.
constexpr bool fits_small(std::int64_t radius_px) {
  return radius_px <= Packed<std::uint32_t>::kMostRadius;
}

}  // namespace

std::size_t above_local_threshold_scratch_bytes(std::int64_t width, std::int64_t height,
                                                std::int64_t radius_px) {
  const std::size_t word = fits_small(radius_px) ? 4 : 8;
  const std::int64_t quads = whole_quads(width);
  return arena_bytes(word * static_cast<std::size_t>(quads * bands_of(height))) +
         arena_bytes(word * static_cast<std::size_t>(quads * height));
}

void above_local_threshold(Queue& queue, ImageView<const std::uint16_t> plane,
                           ImageView<const std::uint8_t> counted, const LocalThreshold& threshold,
                           ImageView<std::uint8_t> out) {
  if (plane.empty()) return;
  const bool wide = rows_begin_at(plane, 2 * kQuad) && rows_begin_at(counted, kQuad);
  const Pixels pixels{plane, counted, wide};
  if (fits_small(threshold.radius_px)) {
    threshold_with<std::uint32_t>(queue, pixels, threshold, out);
  } else {
    threshold_with<std::uint64_t>(queue, pixels, threshold, out);
  }
}

}  // namespace tilepool::gpu
