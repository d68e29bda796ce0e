#pragma once

#include <cstdint>

#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/wide.cuh"

// Sums over squares around each pixel of a row, from sums of the squares' columns.

namespace tilepool::gpu {

/// Columns that a thread reads at once.
inline constexpr std::int64_t kQuad = 4;

/// Words of four neighbouring columns.
template <class Word>
struct Quad {
  Word at[kQuad] = {};
  __device__ __forceinline__ void operator+=(const Quad& o) {
#pragma unroll
    for (int i = 0; i < kQuad; ++i) at[i] += o.at[i];
  }
  __device__ __forceinline__ void operator-=(const Quad& o) {
#pragma unroll
    for (int i = 0; i < kQuad; ++i) at[i] -= o.at[i];
  }
};

__device__ __forceinline__ Quad<std::uint32_t> load_quad(const std::uint32_t* at) {
  const uint4 four = load_wide<uint4>(at);
  return {{four.x, four.y, four.z, four.w}};
}
__device__ __forceinline__ Quad<std::uint64_t> load_quad(const std::uint64_t* at) {
  const uint4 a = load_wide<uint4>(at);
  const uint4 b = load_wide<uint4>(at + 2);
  const auto word = [](unsigned low, unsigned high) { return std::uint64_t{high} << 32 | low; };
  return {{word(a.x, a.y), word(a.z, a.w), word(b.x, b.y), word(b.z, b.w)}};
}
__device__ __forceinline__ void store_quad(std::uint32_t* at, const Quad<std::uint32_t>& quad) {
  store_wide(at, make_uint4(quad.at[0], quad.at[1], quad.at[2], quad.at[3]));
}
__device__ __forceinline__ void store_quad(std::uint64_t* at, const Quad<std::uint64_t>& quad) {
#pragma unroll
  for (int i = 0; i < kQuad; i += 2)
    store_wide(at + i, make_uint4(static_cast<unsigned>(quad.at[i]),
                                  static_cast<unsigned>(quad.at[i] >> 32),
                                  static_cast<unsigned>(quad.at[i + 1]),
                                  static_cast<unsigned>(quad.at[i + 1] >> 32)));
}

/// Planes of words have rows of whole quads.
constexpr std::int64_t whole_quads(std::int64_t width) {
  return (width + kQuad - 1) / kQuad * kQuad;
}

inline constexpr int kEach = 16;  ///< sums of a thread
inline constexpr int kSums = static_cast<int>(kThreads) * kEach;
/// Where prefix sum i lies: a gap after kEach of them, so that threads that each write a run of
/// kEach meet different banks.
__device__ __forceinline__ int slot(int i) { return i + i / kEach; }
inline constexpr int kSlots = kSums + kSums / kEach;

/// The part of a row that one block does.
struct RowPart {
  std::int64_t outputs;  ///< pixels of a block, a multiple of kQuad
  unsigned parts;        ///< blocks of one row
  [[nodiscard]] __device__ __forceinline__ std::int64_t row() const { return blockIdx.x / parts; }
  [[nodiscard]] __device__ __forceinline__ std::int64_t begin() const {
    return blockIdx.x % parts * outputs;
  }
  /// Of the prefix sums that it needs: the one before its first pixel's square or, so that quads
  /// are whole, up to kQuad - 1 more to the left; negative at the row's begin.
  [[nodiscard]] __device__ __forceinline__ std::int64_t first_sum(std::int64_t radius) const {
    return (begin() - radius - 1) & ~(kQuad - 1);
  }
};
inline RowPart row_part(std::int64_t width, std::int64_t radius) {
  const std::int64_t most = (kSums - (2 * radius + 1) - kQuad) / kQuad * kQuad;
  const std::int64_t parts = (width + most - 1) / most;
  const std::int64_t outputs = whole_quads((width + parts - 1) / parts);
  return {outputs, blocks_for(width, outputs)};
}

/// The inclusive prefix sums of the block's `each` values, thread after thread.
__device__ __forceinline__ void scan_block(std::uint64_t (&each)[kEach]) {
  __shared__ std::uint64_t warp_sum[kThreads / 32];
#pragma unroll
  for (int i = 1; i < kEach; ++i) each[i] += each[i - 1];
  const unsigned lane = threadIdx.x % 32;
  std::uint64_t until = each[kEach - 1];
#pragma unroll
  for (unsigned by = 1; by < 32; by *= 2) {
    const std::uint64_t before = __shfl_up_sync(0xFFFFFFFFU, until, by);
    if (lane >= by) until += before;
  }
  if (lane == 31) warp_sum[threadIdx.x / 32] = until;
  __syncthreads();
  std::uint64_t before = until - each[kEach - 1];
  for (unsigned w = 0; w < threadIdx.x / 32; ++w) before += warp_sum[w];
#pragma unroll
  for (int i = 0; i < kEach; ++i) each[i] += before;
}

/// prefix[slot(i)] = sum of value(word) of words [first, first + i] of a row; words beyond its ends
/// count nothing. `first` is a multiple of kQuad. Every thread of the block calls it, once a
/// kernel.
template <class Word, class Value>
__device__ __forceinline__ void prefix_sums(const Word* row, std::int64_t width, std::int64_t first,
                                            std::uint64_t* prefix, const Value& value) {
  std::uint64_t each[kEach];
  const std::int64_t mine = first + std::int64_t{threadIdx.x} * kEach;
#pragma unroll
  for (int i = 0; i < kEach; i += static_cast<int>(kQuad)) {
    const std::int64_t x = mine + i;
    const Quad<Word> quad = x >= 0 && x < width ? load_quad(row + x) : Quad<Word>{};
#pragma unroll
    for (int j = 0; j < kQuad; ++j) each[i + j] = value(quad.at[j]);
  }
  scan_block(each);
#pragma unroll
  for (int i = 0; i < kEach; ++i) prefix[slot(static_cast<int>(threadIdx.x) * kEach + i)] = each[i];
  __syncthreads();
}

}  // namespace tilepool::gpu
