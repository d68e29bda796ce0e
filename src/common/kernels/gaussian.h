#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Half of a symmetric integer kernel: weight[k] applies at distance k; weight[0] + 2 * (sum of
/// the rest) is 4096 exactly.
struct SmoothingKernel {
  std::vector<std::uint16_t> weight;
  [[nodiscard]] std::int64_t radius() const { return static_cast<std::int64_t>(weight.size()) - 1; }
};

/// A Gaussian of `sigma_px` >= 0 cut at ceil(3 sigma); 0 is the identity. The rounding error of
/// all weights goes into the middle one.
[[nodiscard]] SmoothingKernel gaussian_kernel(double sigma_px);

/// Separable smoothing of values 0..4095, rows first, edges replicated:
///   h[y][x]   = (sum_k w[|k|] * in[y][x+k] + 2^8)  >> 9     (three fractional bits)
///   out[y][x] = (sum_k w[|k|] * h[y+k][x]  + 2^14) >> 15
/// `out` may be `in`; same size.
void smooth(ImageView<const std::uint16_t> in, const SmoothingKernel& kernel, Arena& scratch,
            ImageView<std::uint16_t> out);
[[nodiscard]] std::size_t smooth_scratch_bytes(std::int64_t width, std::int64_t height,
                                               std::int64_t radius);

}  // namespace tilepool
