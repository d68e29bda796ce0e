#include "common/kernels/tissue_area.h"

#include <algorithm>

namespace tilepool {
namespace {

/// Area of [0, x) x [0, y): bilinear between the sums around it, which is exact for whole pixels of
/// one value.
double area_from_origin(ImageView<const std::uint32_t> sums, double x, double y) {
  const std::int64_t i = std::min(static_cast<std::int64_t>(x), sums.width - 2);
  const std::int64_t j = std::min(static_cast<std::int64_t>(y), sums.height - 2);
  const double u = x - static_cast<double>(i);
  const double v = y - static_cast<double>(j);
  const double top = sums.at(i, j) + u * (static_cast<double>(sums.at(i + 1, j)) - sums.at(i, j));
  const double bottom =
      sums.at(i, j + 1) + u * (static_cast<double>(sums.at(i + 1, j + 1)) - sums.at(i, j + 1));
  return top + v * (bottom - top);
}

}  // namespace

void summed_area(ImageView<const std::uint8_t> mask, ImageView<std::uint32_t> sums) {
  std::fill_n(sums.row(0), sums.width, 0U);
  for (std::int64_t y = 0; y < mask.height; ++y) {
    const std::uint32_t* above = sums.row(y);
    std::uint32_t* row = sums.row(y + 1);
    std::uint32_t ones = 0;
    row[0] = 0;
    for (std::int64_t x = 0; x < mask.width; ++x) {
      ones += mask.at(x, y);
      row[x + 1] = above[x + 1] + ones;
    }
  }
}

double tissue_area(ImageView<const std::uint32_t> sums, double x0, double y0, double x1,
                   double y1) {
  return area_from_origin(sums, x1, y1) - area_from_origin(sums, x0, y1) -
         area_from_origin(sums, x1, y0) + area_from_origin(sums, x0, y0);
}

}  // namespace tilepool
