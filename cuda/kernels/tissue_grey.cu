#include "common/base/exception.h"
#include "cuda/kernels/counting.cuh"
#include "cuda/kernels/rgb_map.cuh"
#include "cuda/kernels/tissue_grey.h"

namespace tilepool::gpu {
namespace {

/// Boxes from this size on are the work of a warp each, smaller ones of a thread.
constexpr std::int64_t kWarpBox = 8;

/// Adds `value` of kLanes neighbouring threads; the first one gets the sum.
template <int kLanes>
__device__ __forceinline__ std::uint32_t sum_of_lanes(std::uint32_t value) {
#pragma unroll
  for (unsigned by = kLanes / 2; by > 0; by /= 2) value += __shfl_down_sync(0xFFFFFFFFU, value, by);
  return value;
}

template <int kLanes>
__global__ void __launch_bounds__(kThreads)
    box_average_kernel(ConstRgbView in, std::int64_t k, RgbView out) {
  const std::int64_t box = element() / kLanes;
  const bool is_there = box < out.pixels();  // no early return: the lanes add up together
  const std::int64_t j =
      is_there ? static_cast<std::uint32_t>(box) / static_cast<std::uint32_t>(out.width) : 0;
  const std::int64_t i = is_there ? box - j * out.width : 0;
  const std::int64_t x_end = min((i + 1) * k, in.width);
  const std::int64_t y_end = is_there ? min((j + 1) * k, in.height) : 0;
  std::uint32_t sum[3] = {};  // 4096^2 * 255 < 2^32
  for (std::int64_t y = j * k; y < y_end; ++y) {
    for (std::int64_t x = i * k + threadIdx.x % kLanes; x < x_end; x += kLanes) {
      const std::uint8_t* const pixel = in.pixel(x, y);
#pragma unroll
      for (int c = 0; c < 3; ++c) sum[c] += pixel[c];
    }
  }
#pragma unroll
  for (std::uint32_t& channel : sum) channel = sum_of_lanes<kLanes>(channel);
  if (!is_there || threadIdx.x % kLanes != 0) return;
  const auto n = static_cast<std::uint32_t>((x_end - i * k) * (y_end - j * k));
#pragma unroll
  for (int c = 0; c < 3; ++c)
    out.pixel(i, j)[c] = static_cast<std::uint8_t>((std::uint64_t{sum[c]} + n / 2) / n);
}

struct Grey {
  __device__ __forceinline__ std::uint32_t operator()(const RgbOctet& octet, int i) const {
    return (19595 * octet.channel(i, 0) + 38470 * octet.channel(i, 1) + 7471 * octet.channel(i, 2) +
            32768) >>
           16;
  }
};

struct Brightest {
  __device__ __forceinline__ std::uint32_t operator()(const RgbOctet& octet, int i) const {
    return octet.brightest(i);
  }
};

struct Saturation {
  __device__ __forceinline__ std::uint32_t operator()(const RgbOctet& octet, int i) const {
    const std::uint32_t high = octet.brightest(i);
    const std::uint32_t low = octet.darkest(i);
    return high == 0 ? 0U : (255 * (high - low) + high / 2) / high;
  }
};

}  // namespace

void box_average(Queue& queue, ConstRgbView in, std::int64_t k, RgbView out) {
  if (k < 1 || k > 4096) throw Error(ErrorCode::kInternal, "box edge is not in 1..4096 px");
  if (k < kWarpBox)
    launch_over(queue, "box_average", box_average_kernel<1>, out.pixels(), in, k, out);
  else
    launch_over(queue, "box_average", box_average_kernel<32>, 32 * out.pixels(), in, k, out);
}

void grey_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_to_plane(queue, "grey_plane", rgb, out, Grey{});
}

void brightest_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_to_plane(queue, "brightest_plane", rgb, out, Brightest{});
}

void saturation_plane(Queue& queue, ConstRgbView rgb, ImageView<std::uint8_t> out) {
  map_to_plane(queue, "saturation_plane", rgb, out, Saturation{});
}

void histogram(Queue& queue, ImageView<const std::uint8_t> plane, std::span<std::uint64_t> bins) {
  queue.clear(bins.data(), bins.size_bytes());
  count_values(queue, "histogram", plane, 0, bins);
}

}  // namespace tilepool::gpu
