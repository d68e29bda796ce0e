#include "cuda/kernels/rgb_map.cuh"
#include "cuda/kernels/stain.h"

namespace tilepool::gpu {
namespace {

struct UnmixShared {
  alignas(16) std::int32_t term[3 * 256];

  [[nodiscard]] __device__ __forceinline__ std::uint32_t value(const RgbOctet& octet, int i) const {
    const std::int32_t sum = term[octet.channel(i, 0)] + term[256 + octet.channel(i, 1)] +
                             term[512 + octet.channel(i, 2)];
    return static_cast<std::uint32_t>(min(max((sum + (1 << 11)) >> 12, 0), kPlaneMax));
  }
};

/// Parameters are read fast only where a whole warp reads the same one: one thread a warp copies.
__device__ __forceinline__ void share_table(const UnmixTable& table, UnmixShared& shared) {
  constexpr unsigned kEach = 3 * 256 / (kThreads / 32);
  static_assert(kEach % 4 == 0);
  if (threadIdx.x % 32 == 0) {
    const unsigned begin = threadIdx.x / 32 * kEach;
#pragma unroll 6
    for (unsigned i = begin; i < begin + kEach; i += 4) {
      const std::int32_t* const from = &table.term[0][0] + i;
      store_wide(shared.term + i, make_int4(from[0], from[1], from[2], from[3]));
    }
  }
  __syncthreads();
}

struct Unmix {
  using Shared = UnmixShared;
  UnmixTable table;
  ImageView<std::uint16_t> out;

  __device__ __forceinline__ void prepare(Shared& shared) const { share_table(table, shared); }
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared& shared) const {
    store_octet(out, place, [&](int i) { return shared.value(octet, i); });
  }
};

struct Brightest {
  __device__ __forceinline__ std::uint32_t operator()(const RgbOctet& octet, int i) const {
    return 16 * octet.brightest(i);
  }
};

struct Stained {
  int limit;
  __device__ __forceinline__ std::uint32_t operator()(const RgbOctet& octet, int i) const {
    return static_cast<int>(octet.darkest(i)) < limit ? 1U : 0U;
  }
};

/// A rectangle of an image of which places are known in one long row, or as they are.
struct Inside {
  Rect inside;
  std::int64_t width;
  bool packed;

  /// Bit i: pixel i of the octet is inside.
  [[nodiscard]] __device__ __forceinline__ std::uint32_t bits(const OctetPlace& place) const {
    std::int64_t x = place.x;
    std::int64_t y = place.y;
    if (packed) {
      y = static_cast<std::uint32_t>(place.x) / static_cast<std::uint32_t>(width);
      x = place.x - y * width;
    }
    std::uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < kOctet; ++i) {
      const bool in =
          x >= inside.x && x < inside.x + inside.w && y >= inside.y && y < inside.y + inside.h;
      bits |= in ? 1U << i : 0U;
      if (++x == width) {
        x = 0;
        ++y;
      }
    }
    return bits;
  }
};

struct UnmixInside {
  using Shared = UnmixShared;
  UnmixTable table;
  int limit;
  Inside inside;
  ImageView<std::uint16_t> plane;
  ImageView<std::uint8_t> counted;

  __device__ __forceinline__ void prepare(Shared& shared) const { share_table(table, shared); }
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared& shared) const {
    const std::uint32_t bits = inside.bits(place);
    store_octet(plane, place, [&](int i) { return shared.value(octet, i); });
    store_octet(counted, place, [&](int i) {
      return static_cast<int>(octet.darkest(i)) < limit ? (bits >> i) & 1U : 0U;
    });
  }
};

struct BrightestInside {
  using Shared = NoShared;
  Inside inside;
  ImageView<std::uint16_t> plane;
  ImageView<std::uint8_t> counted;

  __device__ __forceinline__ void prepare(Shared&) const {}
  __device__ __forceinline__ void operator()(const RgbOctet& octet, const OctetPlace& place,
                                             const Shared&) const {
    const std::uint32_t bits = inside.bits(place);
    store_octet(plane, place, [&](int i) { return 16 * octet.brightest(i); });
    store_octet(counted, place, [&](int i) { return (bits >> i) & 1U; });
  }
};

}  // namespace

void unmix(Queue& queue, ConstRgbView rgb, const UnmixTable& table, ImageView<std::uint16_t> out) {
  const bool packed = all_packed(rgb, out);
  map_rgb(queue, "unmix", rgb, packed, all_wide(packed, rgb, out), Unmix{table, out});
}

void brightest_channel(Queue& queue, ConstRgbView rgb, ImageView<std::uint16_t> out) {
  map_to_plane(queue, "brightest_channel", rgb, out, Brightest{});
}

void stained_mask(Queue& queue, ConstRgbView rgb, int limit, ImageView<std::uint8_t> out) {
  map_to_plane(queue, "stained_mask", rgb, out, Stained{limit});
}

void unmix_inside(Queue& queue, ConstRgbView rgb, const UnmixTable& table, int limit,
                  const Rect& inside, ImageView<std::uint16_t> plane,
                  ImageView<std::uint8_t> counted) {
  const bool packed = all_packed(rgb, plane, counted);
  map_rgb(queue, "unmix_inside", rgb, packed, all_wide(packed, rgb, plane, counted),
          UnmixInside{table, limit, {inside, rgb.width, packed}, plane, counted});
}

void brightest_inside(Queue& queue, ConstRgbView rgb, const Rect& inside,
                      ImageView<std::uint16_t> plane, ImageView<std::uint8_t> counted) {
  const bool packed = all_packed(rgb, plane, counted);
  map_rgb(queue, "brightest_inside", rgb, packed, all_wide(packed, rgb, plane, counted),
          BrightestInside{{inside, rgb.width, packed}, plane, counted});
}

}  // namespace tilepool::gpu
