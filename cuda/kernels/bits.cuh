#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "cuda/kernels/launch.cuh"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// One bit a pixel: words of 32 pixels, the leftmost in the lowest bit; the bits beyond the last
/// column are 0.
struct BitPlane {
  std::uint32_t* words = nullptr;
  std::int64_t width = 0;
  std::int64_t height = 0;

  [[nodiscard]] constexpr std::int64_t row_words() const { return (width + 31) / 32; }
  [[nodiscard]] constexpr std::int64_t count() const { return row_words() * height; }
  /// Word w of row y; 0 outside.
  [[nodiscard]] constexpr std::uint32_t word(std::int64_t w, std::int64_t y) const {
    const bool outside = w < 0 || y < 0 || w >= row_words() || y >= height;
    return outside ? 0 : words[y * row_words() + w];
  }
  /// The bits of word w that are pixels.
  [[nodiscard]] constexpr std::uint32_t columns(std::int64_t w) const {
    if (w < 0 || w >= row_words()) return 0;
    const std::int64_t left = width - 32 * w;
    return left >= 32 ? ~0U : (1U << left) - 1;
  }
};

[[nodiscard]] std::size_t bits_bytes(std::int64_t width, std::int64_t height);
[[nodiscard]] BitPlane take_bits(Queue& queue, std::int64_t width, std::int64_t height);

/// bits = mask (of 0 and 1), or its opposite.
void pack_mask(Queue& queue, ImageView<const std::uint8_t> mask, bool opposite, BitPlane bits);
/// mask = bits.
void unpack_mask(Queue& queue, BitPlane bits, ImageView<std::uint8_t> mask);
/// bits = 1 where the label is not 0.
void pack_labelled(Queue& queue, ImageView<const std::int32_t> labels, BitPlane bits);

/// Bit b of a word, and what lies below it.
__device__ __forceinline__ std::uint32_t bits_to(unsigned b) { return 0xFFFFFFFFU >> (31 - b); }
__device__ __forceinline__ int lowest_bit(std::uint32_t word) {
  return __ffs(static_cast<int>(word)) - 1;
}
__device__ __forceinline__ int highest_bit(std::uint32_t word) {
  return 31 - __clz(static_cast<int>(word));
}

/// 16 bytes of 0 and 1 as bits, and back.
__device__ __forceinline__ std::uint32_t bits_of(uint4 bytes) {
  const auto four = [](std::uint32_t b) { return (b * 0x01020408U) >> 24; };
  return four(bytes.x) | four(bytes.y) << 4 | four(bytes.z) << 8 | four(bytes.w) << 12;
}
__device__ __forceinline__ uint4 bytes_of(std::uint32_t bits) {
  const auto four = [](std::uint32_t b) { return ((b & 15U) * 0x00204081U) & 0x01010101U; };
  return make_uint4(four(bits), four(bits >> 4), four(bits >> 8), four(bits >> 12));
}

/// Where the 16-byte group of memory that holds `at` begins, as a distance: 0..15.
template <class T>
__device__ __forceinline__ std::int64_t past_group(const T* at) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(at) % 16);
}

/// Writes the bits of columns [begin, end) of a row as bytes: column c is bit c - begin of `bits`
/// (an array of words with one readable word behind the last that is needed). The threads of a
/// team write 16-byte groups one after another: `member` of `members`.
__device__ __forceinline__ void write_bytes(const std::uint32_t* bits, std::uint8_t* row,
                                            std::int64_t begin, std::int64_t end, int member,
                                            int members) {
  const std::int64_t past = past_group(row + begin);
  for (std::int64_t x = begin - past + 16 * member; x < end; x += 16 * members) {
    if (x >= begin && x + 16 <= end) {
      const auto bit = static_cast<unsigned>(x - begin);
      const std::uint32_t* at = bits + bit / 32;
      *reinterpret_cast<uint4*>(row + x) = bytes_of(__funnelshift_r(at[0], at[1], bit % 32));
      continue;
    }
    for (std::int64_t u = max(x, begin); u < min(x + 16, end); ++u) {
      const auto bit = static_cast<unsigned>(u - begin);
      row[u] = static_cast<std::uint8_t>(bits[bit / 32] >> bit % 32 & 1U);
    }
  }
}

}  // namespace tilepool::gpu
