#include <algorithm>

#include "cuda/kernels/region_colour.h"
#include "cuda/kernels/rgb_map.cuh"

namespace tilepool::gpu {
namespace {

constexpr unsigned kRegionThreads = 128;
constexpr std::int64_t kMostBlocks = 132 * 8;  // about fill a large device

__device__ void add_of_warp(std::uint64_t value, std::uint64_t* to) {
  for (unsigned by = 16; by > 0; by /= 2) value += __shfl_down_sync(0xFFFFFFFFU, value, by);
  if (threadIdx.x % 32 == 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
  }
}

/// Adds the sums of the threads of a warp to *total. All of them must call it.
template <std::size_t N>
__device__ void add_of_warp(const ColourSums<N>& sums, ColourSums<N>* total) {
  if (__any_sync(0xFFFFFFFFU, sums.count != 0 ? 1 : 0) == 0) return;
  add_of_warp(sums.count, &total->count);
#pragma unroll
  for (std::size_t c = 0; c < N; ++c) {
    add_of_warp(sums.sum[c], &total->sum[c]);
    add_of_warp(sums.square[c], &total->square[c]);
  }
  add_of_warp(sums.dark, &total->dark);
}

template <std::size_t N>
__device__ void add_plain(const ChannelValues& values, ColourSums<N>& sums) {
#pragma unroll
  for (std::size_t c = 0; c < kPlainChannels; ++c) sums.add(c, values[c]);
  ++sums.count;
}

/// A block measures a region.
__global__ void __launch_bounds__(kRegionThreads)
    region_kernel(ConstRgbView rgb, ImageView<const std::int32_t> labels,
                  const std::int32_t* wanted, const RegionBox* boxes, const UnmixTable* stain1,
                  const UnmixTable* stain2, std::uint32_t dark_limit,
                  ColourSums<kAllChannels>* results) {
  __shared__ ColourSums<kAllChannels> total;
  if (threadIdx.x == 0) total = {};
  __syncthreads();
  const RegionBox box = boxes[blockIdx.x];
  const std::int32_t label = wanted[blockIdx.x];
  ColourSums<kAllChannels> sums;
  for (std::int64_t y = box.y_begin + threadIdx.x / 32; y < box.y_end; y += kRegionThreads / 32) {
    for (std::int64_t x = box.x_begin + threadIdx.x % 32; x < box.x_end; x += 32) {
      if (labels.at(x, y) != label) continue;
      const std::uint8_t* const pixel = rgb.pixel(x, y);
      const ChannelValues values = plain_channels(pixel);
      add_plain(values, sums);
      sums.add(kPlainChannels, static_cast<std::uint32_t>(stain1->value(pixel)));
      sums.add(kPlainChannels + 1, static_cast<std::uint32_t>(stain2->value(pixel)));
      sums.dark += values[kGrey] < dark_limit ? 1 : 0;
    }
  }
  add_of_warp(sums, &total);
  __syncthreads();
  if (threadIdx.x == 0) results[blockIdx.x] = total;
}

__global__ void __launch_bounds__(kThreads)
    image_kernel(ConstRgbView rgb, std::int64_t per_row, bool wide,
                 ColourSums<kPlainChannels>* result) {
  __shared__ ColourSums<kPlainChannels> total;
  if (threadIdx.x == 0) total = {};
  __syncthreads();
  ColourSums<kPlainChannels> sums;
  for (std::int64_t i = element(); i < per_row * rgb.height;
       i += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    const std::int64_t y = i / per_row;
    const std::int64_t x = (i - y * per_row) * kOctet;
    const int count = static_cast<int>(min(std::int64_t{kOctet}, rgb.width - x));
    const RgbOctet octet = load_octet(rgb, {x, y, count, wide && count == kOctet});
#pragma unroll
    for (int k = 0; k < kOctet; ++k) {
      if (k >= count) break;
      add_plain(plain_channels(static_cast<int>(octet.channel(k, 0)),
                               static_cast<int>(octet.channel(k, 1)),
                               static_cast<int>(octet.channel(k, 2))),
                sums);
    }
  }
  add_of_warp(sums, &total);
  __syncthreads();
  constexpr int kWords = sizeof total / sizeof(std::uint64_t);
  for (int i = static_cast<int>(threadIdx.x); i < kWords; i += kThreads) {
    atomicAdd(reinterpret_cast<unsigned long long*>(result) + i,
              reinterpret_cast<const unsigned long long*>(&total)[i]);
  }
}

}  // namespace

void measure_colour(Queue& queue, ConstRgbView rgb, ImageView<const std::int32_t> labels,
                    const Regions& regions, const UnmixTable* stain1, const UnmixTable* stain2,
                    int dark_limit, std::span<ColourSums<kAllChannels>> sums) {
  if (regions.labels.empty()) return;
  launch(queue, "measure colours", region_kernel,
         dim3(static_cast<unsigned>(regions.labels.size())), dim3(kRegionThreads), rgb, labels,
         regions.labels.data(), regions.boxes.data(), stain1, stain2,
         static_cast<std::uint32_t>(dark_limit), sums.data());
}

void measure_colour(Queue& queue, ConstRgbView rgb, ColourSums<kPlainChannels>* sums) {
  queue.clear(sums, sizeof *sums);
  if (rgb.empty()) return;
  const bool packed = rgb.stride == 3 * rgb.width;
  const ConstRgbView pixels =
      packed ? ConstRgbView{rgb.data, rgb.pixels(), 1, 3 * rgb.pixels()} : rgb;
  const std::int64_t per_row = (pixels.width + kOctet - 1) / kOctet;
  const auto blocks =
      std::min<std::int64_t>(blocks_for(per_row * pixels.height, kThreads), kMostBlocks);
  launch(queue, "measure the colour of an image", image_kernel, dim3(static_cast<unsigned>(blocks)),
         dim3(kThreads), pixels, per_row, rows_begin_at(pixels, 8), sums);
}

}  // namespace tilepool::gpu
