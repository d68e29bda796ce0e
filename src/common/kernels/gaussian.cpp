#include "common/kernels/gaussian.h"

#include <algorithm>
#include <cmath>

namespace tilepool {
namespace {

/// One row of the first pass. `padded` holds the row with `radius` replicated pixels either side.
void smooth_row(const std::uint16_t* padded, const SmoothingKernel& kernel, std::int64_t width,
                std::uint32_t* sum, std::uint16_t* out) {
  const std::int64_t r = kernel.radius();
  const std::uint16_t* centre = padded + r;
  for (std::int64_t x = 0; x < width; ++x) {
    sum[x] = std::uint32_t{kernel.weight[0]} * centre[x] + (1U << 8);
  }
  for (std::int64_t k = 1; k <= r; ++k) {
    const std::uint16_t w = kernel.weight[static_cast<std::size_t>(k)];
    const std::uint16_t* left = centre - k;
    const std::uint16_t* right = centre + k;
    for (std::int64_t x = 0; x < width; ++x) {
      const auto pair = static_cast<std::uint16_t>(left[x] + right[x]);
      sum[x] += std::uint32_t{w} * pair;
    }
  }
  for (std::int64_t x = 0; x < width; ++x) out[x] = static_cast<std::uint16_t>(sum[x] >> 9);
}

void pad_row(const std::uint16_t* row, std::int64_t width, std::int64_t radius,
             std::uint16_t* padded) {
  std::fill_n(padded, radius, row[0]);
  std::copy_n(row, width, padded + radius);
  std::fill_n(padded + radius + width, radius, row[width - 1]);
}

/// Second pass for one output row; row_of(y) gives the first pass's row.
template <class RowOf>
void smooth_column(const SmoothingKernel& kernel, std::int64_t y, std::int64_t width, RowOf row_of,
                   std::uint32_t* sum, std::uint16_t* out) {
  const std::uint16_t* middle = row_of(y);
  for (std::int64_t x = 0; x < width; ++x) {
    sum[x] = std::uint32_t{kernel.weight[0]} * middle[x] + (1U << 14);
  }
  for (std::int64_t k = 1; k <= kernel.radius(); ++k) {
    const std::uint16_t w = kernel.weight[static_cast<std::size_t>(k)];
    const std::uint16_t* above = row_of(y - k);
    const std::uint16_t* below = row_of(y + k);
    for (std::int64_t x = 0; x < width; ++x) {
      const auto pair = static_cast<std::uint16_t>(above[x] + below[x]);
      sum[x] += std::uint32_t{w} * pair;
    }
  }
  for (std::int64_t x = 0; x < width; ++x) out[x] = static_cast<std::uint16_t>(sum[x] >> 15);
}

}  // namespace

SmoothingKernel gaussian_kernel(double sigma_px) {
  SmoothingKernel kernel;
  if (sigma_px <= 0) {
    kernel.weight = {4096};
    return kernel;
  }
  const auto radius = static_cast<std::size_t>(std::ceil(3 * sigma_px));
  std::vector<double> ideal(radius + 1);
  double total = 0;
  for (std::size_t k = 0; k <= radius; ++k) {
    const double d = static_cast<double>(k) / sigma_px;
    ideal[k] = std::exp(-0.5 * d * d);
    total += k == 0 ? ideal[k] : 2 * ideal[k];
  }
  int rest = 4096;
  kernel.weight.assign(radius + 1, 0);
  for (std::size_t k = 1; k <= radius; ++k) {
    const auto w = static_cast<int>(std::lround(4096 * ideal[k] / total));
    kernel.weight[k] = static_cast<std::uint16_t>(w);
    rest -= 2 * w;
  }
  kernel.weight[0] = static_cast<std::uint16_t>(rest);
  return kernel;
}

std::size_t smooth_scratch_bytes(std::int64_t width, std::int64_t height, std::int64_t radius) {
  const auto w = static_cast<std::size_t>(width);
  const auto r = static_cast<std::size_t>(radius);
  const std::size_t rows = std::min(2 * r + 1, static_cast<std::size_t>(height));
  return arena_bytes((w + 2 * r) * 2) + arena_bytes(w * 4) + arena_bytes(rows * w * 2);
}

void smooth(ImageView<const std::uint16_t> in, const SmoothingKernel& kernel, Arena& scratch,
            ImageView<std::uint16_t> out) {
  if (in.empty()) return;
  const std::int64_t r = kernel.radius();
  const std::int64_t rows = std::min(2 * r + 1, in.height);
  const std::size_t mark = scratch.mark();
  auto padded = scratch.take<std::uint16_t>(static_cast<std::size_t>(in.width + 2 * r));
  auto sum = scratch.take<std::uint32_t>(static_cast<std::size_t>(in.width));
  auto ring = scratch.take_image<std::uint16_t>(in.width, rows);
  const auto row_of = [&](std::int64_t y) -> const std::uint16_t* {
    return ring.row(std::clamp<std::int64_t>(y, 0, in.height - 1) % rows);
  };
  std::int64_t next = 0;  // first row that the ring does not hold yet
  for (std::int64_t y = 0; y < in.height; ++y) {
    for (; next <= std::min(y + r, in.height - 1); ++next) {
      pad_row(in.row(next), in.width, r, padded.data());
      smooth_row(padded.data(), kernel, in.width, sum.data(), ring.row(next % rows));
    }
    smooth_column(kernel, y, in.width, row_of, sum.data(), out.row(y));
  }
  scratch.release(mark);
}

}  // namespace tilepool
