#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/wide.cuh"

namespace tilepool::gpu {

/// Pixels that a thread reads at once.
inline constexpr int kCountedAtOnce = 8;
/// Bins that a block counts in memory of its own.
inline constexpr unsigned kSharedBins = 4096;

template <class T>
struct EightPixels;
template <>
struct EightPixels<std::uint16_t> {
  using Wide = uint4;
  static __device__ __forceinline__ std::uint32_t value(const uint4& eight, int i) {
    const std::uint32_t pair = i < 2 ? eight.x : i < 4 ? eight.y : i < 6 ? eight.z : eight.w;
    return i % 2 == 0 ? pair & 0xFFFFU : pair >> 16;
  }
};
template <>
struct EightPixels<std::uint8_t> {
  using Wide = uint2;
  static __device__ __forceinline__ std::uint32_t value(const uint2& eight, int i) {
    return ((i < 4 ? eight.x : eight.y) >> (8 * (i % 4))) & 0xFFU;
  }
};

/// Calls add(bin, n) for the pixels that this thread has to count: equal neighbours together.
template <class T, class Add>
__device__ __forceinline__ void count_pixels(ImageView<const T> plane, bool wide, int shift,
                                             std::uint32_t last_bin, const Add& add) {
  const std::int64_t per_row = (plane.width + kCountedAtOnce - 1) / kCountedAtOnce;
  for (std::int64_t i = element(); i < per_row * plane.height;
       i += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    const std::int64_t y = static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(per_row);
    const std::int64_t x = (i - y * per_row) * kCountedAtOnce;
    const T* const from = &plane.at(x, y);
    const int count = static_cast<int>(min(std::int64_t{kCountedAtOnce}, plane.width - x));
    const bool whole = wide && count == kCountedAtOnce;
    typename EightPixels<T>::Wide eight{};
    if (whole) eight = load_wide<typename EightPixels<T>::Wide>(from);
    std::uint32_t bin = 0;
    std::uint32_t equal = 0;
#pragma unroll
    for (int k = 0; k < kCountedAtOnce; ++k) {
      if (k >= count) break;
      const std::uint32_t value = whole ? EightPixels<T>::value(eight, k) : from[k];
      const std::uint32_t next = min(value >> shift, last_bin);
      if (next != bin && equal > 0) {
        add(bin, equal);
        equal = 0;
      }
      bin = next;
      ++equal;
    }
    add(bin, equal);
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    count_in_shared_kernel(ImageView<const T> plane, bool wide, int shift, unsigned long long* bins,
                           unsigned bin_count) {
  __shared__ unsigned counts[kSharedBins];
  for (unsigned i = threadIdx.x; i < bin_count; i += kThreads) counts[i] = 0;
  __syncthreads();
  count_pixels(plane, wide, shift, bin_count - 1,
               [&](std::uint32_t bin, std::uint32_t n) { atomicAdd(&counts[bin], n); });
  __syncthreads();
  for (unsigned i = threadIdx.x; i < bin_count; i += kThreads)
    if (counts[i] > 0) atomicAdd(&bins[i], static_cast<unsigned long long>(counts[i]));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    count_kernel(ImageView<const T> plane, bool wide, int shift, unsigned long long* bins,
                 unsigned bin_count) {
  count_pixels(plane, wide, shift, bin_count - 1, [&](std::uint32_t bin, std::uint32_t n) {
    atomicAdd(&bins[bin], static_cast<unsigned long long>(n));
  });
}

/// bins[value >> shift] += 1 for every pixel; values past the last bin count in the last one.
template <class T>
void count_values(Queue& queue, const char* name, ImageView<const T> plane, int shift,
                  std::span<std::uint64_t> bins) {
  static_assert(sizeof(std::uint64_t) == sizeof(unsigned long long));
  if (plane.empty()) return;
  if (plane.stride == plane.width) plane = {plane.data, plane.pixels(), 1, plane.pixels()};
  const std::int64_t eights = (plane.width + kCountedAtOnce - 1) / kCountedAtOnce * plane.height;
  constexpr std::int64_t kMostBlocks = 132 * 4;  // each of them ends with its bins' sums
  const std::int64_t blocks = std::min<std::int64_t>(blocks_for(eights, kThreads), kMostBlocks);
  // No plane has values for more bins than this; the last one keeps its meaning.
  const auto bin_count = static_cast<unsigned>(std::min<std::size_t>(bins.size(), 1U << 16));
  launch(queue, name, bin_count <= kSharedBins ? count_in_shared_kernel<T> : count_kernel<T>,
         dim3(static_cast<unsigned>(blocks)), dim3(kThreads), plane,
         rows_begin_at(plane, kCountedAtOnce * static_cast<std::int64_t>(sizeof(T))), shift,
         reinterpret_cast<unsigned long long*>(bins.data()), bin_count);
}

}  // namespace tilepool::gpu
