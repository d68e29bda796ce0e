#include "cuda/kernels/disk_spread.cuh"

namespace tilepool::gpu {
namespace {

/// The `kWide` words whose middle is one word of 32 pixels; what lies further is not seen.
template <int kWide>
struct Sight {
  static constexpr int kSide = kWide / 2;
  std::uint32_t words[kWide] = {};

  __device__ void add(const BitPlane& bits, std::int64_t w, std::int64_t y) {
    if (y < 0 || y >= bits.height) return;
    for (int i = 0; i < kWide; ++i) words[i] |= bits.word(w + i - kSide, y);
  }
  __device__ void spread() {
    std::uint32_t before = 0;
    for (int i = 0; i < kWide; ++i) {
      const std::uint32_t self = words[i];
      const std::uint32_t behind = i + 1 < kWide ? words[i + 1] : 0;
      words[i] = self | __funnelshift_r(before, self, 31) | __funnelshift_r(self, behind, 1);
      before = self;
    }
  }
};

template <int kWide>
__global__ void spread_kernel(BitPlane in, DiskRows disk, bool opposite, BitPlane out) {
  const std::int64_t i = element();
  if (i >= in.count()) return;
  const std::int64_t y = i / in.row_words();
  const std::int64_t w = i - y * in.row_words();
  Sight<kWide> sight;
  for (int dy = 0; dy <= disk.radius; ++dy) {
    sight.add(in, w, y - dy);
    sight.add(in, w, y + dy);
    for (int k = disk.drop[dy]; k > 0; --k) sight.spread();
  }
  const std::uint32_t hit = sight.words[Sight<kWide>::kSide];
  out.words[i] = (opposite ? ~hit : hit) & in.columns(w);
}

}  // namespace

DiskRows disk_rows(const Disk& disk) {
  DiskRows rows;
  rows.radius = static_cast<std::int32_t>(disk.radius());
  for (std::size_t dy = 0; dy < disk.half_width.size(); ++dy) {
    const int next = dy + 1 < disk.half_width.size() ? disk.half_width[dy + 1] : 0;
    rows.drop[dy] = static_cast<std::uint8_t>(disk.half_width[dy] - next);
  }
  return rows;
}

void spread_bits(Queue& queue, BitPlane in, const DiskRows& disk, bool opposite, BitPlane out) {
  const auto kernel = disk.radius <= 32    ? spread_kernel<3>
                      : disk.radius <= 64  ? spread_kernel<5>
                      : disk.radius <= 128 ? spread_kernel<9>
                                           : spread_kernel<17>;
  launch_over(queue, "spread_bits", kernel, in.count(), in, disk, opposite, out);
}

}  // namespace tilepool::gpu
