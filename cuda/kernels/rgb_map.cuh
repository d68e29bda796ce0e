#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/kernels/launch.cuh"
#include "cuda/kernels/wide.cuh"

namespace tilepool::gpu {

/// Pixels that one thread turns into something at a time.
inline constexpr int kOctet = 8;

/// The colours of up to kOctet neighbouring pixels of a row. Indices must be known when compiled,
/// so that all of it stays in registers.
struct RgbOctet {
  std::uint32_t word[6];
  [[nodiscard]] __device__ __forceinline__ std::uint32_t channel(int pixel, int c) const {
    const int byte = 3 * pixel + c;
    return (word[byte / 4] >> (8 * (byte % 4))) & 0xFFU;
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t brightest(int pixel) const {
    return max(max(channel(pixel, 0), channel(pixel, 1)), channel(pixel, 2));
  }
  [[nodiscard]] __device__ __forceinline__ std::uint32_t darkest(int pixel) const {
    return min(min(channel(pixel, 0), channel(pixel, 1)), channel(pixel, 2));
  }
};

/// Where an octet lies: `count` pixels from x on in row y. `wide`: it is whole, and views may be
/// accessed as wide as it is.
struct OctetPlace {
  std::int64_t x, y;
  int count;
  bool wide;
};

__device__ __forceinline__ RgbOctet load_octet(ConstRgbView rgb, const OctetPlace& at) {
  RgbOctet octet{};
  const std::uint8_t* const from = rgb.pixel(at.x, at.y);
  if (at.wide) {
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const uint2 pair = load_wide<uint2>(from + 8 * i);
      octet.word[2 * i] = pair.x;
      octet.word[2 * i + 1] = pair.y;
    }
    return octet;
  }
#pragma unroll
  for (int i = 0; i < 3 * kOctet; ++i)
    if (i < 3 * at.count) octet.word[i / 4] |= std::uint32_t{from[i]} << (8 * (i % 4));
  return octet;
}

/// value(i) gives pixel i, 0..65535.
template <class Value>
__device__ __forceinline__ void store_octet(ImageView<std::uint16_t> out, const OctetPlace& at,
                                            const Value& value) {
  std::uint16_t* const to = &out.at(at.x, at.y);
  if (at.wide) {
    store_wide(to, make_uint4(value(0) | value(1) << 16, value(2) | value(3) << 16,
                              value(4) | value(5) << 16, value(6) | value(7) << 16));
    return;
  }
#pragma unroll
  for (int i = 0; i < kOctet; ++i)
    if (i < at.count) to[i] = static_cast<std::uint16_t>(value(i));
}
/// value(i) gives pixel i, 0..255.
template <class Value>
__device__ __forceinline__ void store_octet(ImageView<std::uint8_t> out, const OctetPlace& at,
                                            const Value& value) {
  std::uint8_t* const to = &out.at(at.x, at.y);
  if (at.wide) {
    store_wide(to, make_uint2(value(0) | value(1) << 8 | value(2) << 16 | value(3) << 24,
                              value(4) | value(5) << 8 | value(6) << 16 | value(7) << 24));
    return;
  }
#pragma unroll
  for (int i = 0; i < kOctet; ++i)
    if (i < at.count) to[i] = static_cast<std::uint8_t>(value(i));
}

/// map.prepare(shared) is called by every thread of a block before map(octet, place, shared).
template <class Map>
__global__ void __launch_bounds__(kThreads)
    map_rgb_kernel(ConstRgbView rgb, std::int64_t octets_per_row, bool wide, Map map) {
  __shared__ typename Map::Shared shared;
  map.prepare(shared);
  const std::int64_t octets = octets_per_row * rgb.height;
  for (std::int64_t i = element(); i < octets;
       i += static_cast<std::int64_t>(gridDim.x) * kThreads) {
    // Fewer than 2^31 octets, so 32 bits do for the division.
    const std::int64_t y =
        static_cast<std::uint32_t>(i) / static_cast<std::uint32_t>(octets_per_row);
    const std::int64_t x = (i - y * octets_per_row) * kOctet;
    const int count = static_cast<int>(min(std::int64_t{kOctet}, rgb.width - x));
    const OctetPlace place{x, y, count, wide && count == kOctet};
    map(load_octet(rgb, place), place, shared);
  }
}

/// Maps without tables.
struct NoShared {};

/// out = value(octet, i) of each pixel.
template <class T, class Value>
struct ToPlane {
  using Shared = NoShared;
  ImageView<T> out;
  Value value;

  __device__ __forceinline__ void prepare(Shared&) const {}
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared&) const {
    store_octet(out, place, [&](int i) { return value(octet, i); });
  }
};

/// Gives every octet of `rgb` to `map`. Rows without gaps, in all of the map's planes too
/// (`packed`), are taken for one long row: places are then within that.
template <class Map>
void map_rgb(Queue& queue, const char* name, ConstRgbView rgb, bool packed, bool wide,
             const Map& map) {
  if (rgb.empty()) return;
  if (packed) rgb = {rgb.data, rgb.pixels(), 1, 3 * rgb.pixels()};
  const std::int64_t per_row = (rgb.width + kOctet - 1) / kOctet;
  // A table is fetched once a block: no more blocks than about fill a large device.
  constexpr std::int64_t kMostBlocks = 132 * 8;
  const std::int64_t blocks =
      std::min<std::int64_t>(blocks_for(per_row * rgb.height, kThreads), kMostBlocks);
  launch(queue, name, map_rgb_kernel<Map>, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), rgb,
         per_row, wide, map);
}

/// Whether rgb and planes of its size allow what map_rgb wants to know.
template <class... Planes>
bool all_packed(ConstRgbView rgb, const Planes&... planes) {
  return rgb.stride == 3 * rgb.width && ((planes.stride == planes.width) && ...);
}
template <class... Planes>
bool all_wide(bool packed, ConstRgbView rgb, const Planes&... planes) {
  const auto fits = [packed](const auto& plane, std::int64_t element_bytes) {
    const std::int64_t bytes = 8 * element_bytes;
    return rows_begin_at(plane.data, packed ? 0 : plane.stride * element_bytes, plane.height,
                         bytes);
  };
  return rows_begin_at(rgb.data, packed ? 0 : rgb.stride, rgb.height, 8) &&
         (fits(planes, sizeof(*planes.data)) && ...);
}

/// ToPlane of all of `rgb`.
template <class T, class Value>
void map_to_plane(Queue& queue, const char* name, ConstRgbView rgb, ImageView<T> out,
                  const Value& value) {
  const bool packed = all_packed(rgb, out);
  map_rgb(queue, name, rgb, packed, all_wide(packed, rgb, out), ToPlane<T, Value>{out, value});
}

}  // namespace tilepool::gpu
