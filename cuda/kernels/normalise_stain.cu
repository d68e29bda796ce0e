#include <span>
#include <type_traits>

#include "cuda/kernels/normalise_stain.h"
#include "cuda/kernels/rgb_map.cuh"

namespace tilepool::gpu {
namespace {

__device__ __forceinline__ void store_rgb(RgbView out, const OctetPlace& at,
                                          const RgbOctet& octet) {
  std::uint8_t* const to = out.pixel(at.x, at.y);
  if (at.wide) {
#pragma unroll
    for (int i = 0; i < 3; ++i)
      store_wide(to + 8 * i, make_uint2(octet.word[2 * i], octet.word[2 * i + 1]));
    return;
  }
#pragma unroll
  for (int i = 0; i < 3 * kOctet; ++i)
    if (i < 3 * at.count) to[i] = static_cast<std::uint8_t>(octet.word[i / 4] >> (8 * (i % 4)));
}

template <class PixelMap>
__device__ __forceinline__ void map_octet(const PixelMap& map, const RgbOctet& octet,
                                          const OctetPlace& place, RgbView out) {
  RgbOctet mapped{};
#pragma unroll
  for (int i = 0; i < kOctet; ++i) {
    std::uint8_t rgb[3];
#pragma unroll
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(octet.channel(i, c));
    map(rgb);
#pragma unroll
    for (int c = 0; c < 3; ++c) {
      const int byte = 3 * i + c;
      mapped.word[byte / 4] |= std::uint32_t{rgb[c]} << (8 * (byte % 4));
    }
  }
  store_rgb(out, place, mapped);
}

/// With its tables in shared memory.
struct MapDensities {
  struct Shared {
    alignas(16) DensityMap map;
  };
  const DensityMap* map;  // on the device
  RgbView out;

  __device__ __forceinline__ void prepare(Shared& shared) const {
    static_assert(std::is_trivially_copyable_v<DensityMap> && sizeof(DensityMap) % 16 == 0);
    const auto* const from = reinterpret_cast<const std::uint8_t*>(map);
    auto* const to = reinterpret_cast<std::uint8_t*>(&shared.map);
    for (std::size_t at = 16 * threadIdx.x; at < sizeof(DensityMap); at += 16 * kThreads)
      store_wide(to + at, load_wide<uint4>(from + at));
    __syncthreads();
  }
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared& shared) const {
    map_octet(shared.map, octet, place, out);
  }
};

/// Its tables are too large for that.
struct MapLab {
  using Shared = NoShared;
  const LabMap* map;  // on the device
  RgbView out;

  __device__ __forceinline__ void prepare(Shared&) const {}
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared&) const {
    map_octet(*map, octet, place, out);
  }
};

template <class Map, class Tables>
void map_in_place(Queue& queue, const char* name, RgbView rgb, const Tables& tables) {
  const ScratchScope scope(queue);
  const std::span<Tables> there = queue.scratch().take<Tables>(1);
  queue.upload(std::span<const Tables>(&tables, 1), there);
  const bool packed = all_packed(rgb);
  const bool wide = rows_begin_at(rgb.data, packed ? 0 : rgb.stride, rgb.height, 8);
  if (packed) rgb = {rgb.data, rgb.pixels(), 1, 3 * rgb.pixels()};
  map_rgb(queue, name, rgb, packed, wide, Map{there.data(), rgb});
}

}  // namespace

std::size_t normalise_stain_scratch_bytes() {
  return arena_bytes(std::max(sizeof(DensityMap), sizeof(LabMap)));
}

void normalise_stain(Queue& queue, RgbView rgb, const StainMap& map) {
  if (rgb.empty()) return;
  if (const auto* const densities = std::get_if<DensityMap>(&map))
    map_in_place<MapDensities>(queue, "normalise_stain", rgb, *densities);
  else
    map_in_place<MapLab>(queue, "normalise_stain", rgb, std::get<LabMap>(map));
}

}  // namespace tilepool::gpu
