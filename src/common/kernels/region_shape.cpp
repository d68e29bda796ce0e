#include "common/kernels/region_shape.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

#include "common/kernels/outline.h"

namespace tilepool {
namespace {

/// The label's pixels as a mask with one pixel of zeros around.
ImageView<std::uint8_t> cut_out(ImageView<const std::int32_t> labels, std::int32_t label,
                                const RegionBox& box, Arena& scratch) {
  const std::int64_t w = box.x_end - box.x_begin;
  const std::int64_t h = box.y_end - box.y_begin;
  auto mask = scratch.take_image<std::uint8_t>(w + 2, h + 2);
  std::fill_n(mask.data, mask.pixels(), std::uint8_t{0});
  for (std::int64_t y = 0; y < h; ++y) {
    const std::int32_t* from = labels.row(box.y_begin + y) + box.x_begin;
    std::uint8_t* to = mask.row(y + 1) + 1;
    for (std::int64_t x = 0; x < w; ++x) to[x] = from[x] == label ? 1 : 0;
  }
  return mask;
}

void add_moments(ImageView<const std::uint8_t> mask, RegionShape& shape) {
  for (std::int64_t y = 1; y + 1 < mask.height; ++y) {
    const std::uint8_t* row = mask.row(y);
    std::int64_t n = 0;
    std::int64_t sum = 0;
    std::int64_t squares = 0;
    for (std::int64_t x = 1; x + 1 < mask.width; ++x) {
      const std::int64_t on = row[x];
      n += on;
      sum += on * (x - 1);
      squares += on * (x - 1) * (x - 1);
    }
    shape.area += n;
    shape.x += sum;
    shape.y += n * (y - 1);
    shape.xx += squares;
    shape.yy += n * (y - 1) * (y - 1);
    shape.xy += sum * (y - 1);
  }
}

/// Border pixels: those with one of the four neighbours outside.
void mark_border(ImageView<const std::uint8_t> mask, ImageView<std::uint8_t> border) {
  std::fill_n(border.data, border.pixels(), std::uint8_t{0});
  for (std::int64_t y = 1; y + 1 < mask.height; ++y) {
    for (std::int64_t x = 1; x + 1 < mask.width; ++x) {
      const int around =
          mask.at(x - 1, y) & mask.at(x + 1, y) & mask.at(x, y - 1) & mask.at(x, y + 1);
      border.at(x, y) = static_cast<std::uint8_t>(mask.at(x, y) & (1 - around));
    }
  }
}

void add_perimeter(ImageView<const std::uint8_t> border, RegionShape& shape) {
  for (std::int64_t y = 1; y + 1 < border.height; ++y) {
    for (std::int64_t x = 1; x + 1 < border.width; ++x) {
      if (border.at(x, y) == 0) continue;
      const std::uint8_t* up = border.row(y - 1) + x;
      const std::uint8_t* row = border.row(y) + x;
      const std::uint8_t* down = border.row(y + 1) + x;
      const int cross = up[0] + row[-1] + row[1] + down[0];
      const int corner = up[-1] + up[1] + down[-1] + down[1];
      const BorderClass what = border_class(cross, corner);
      shape.straight += what == BorderClass::kStraight ? 1 : 0;
      shape.diagonal += what == BorderClass::kDiagonal ? 1 : 0;
      shape.mixed += what == BorderClass::kMixed ? 1 : 0;
    }
  }
}

/// One side of the hull. `side` +1: the largest x of each line, -1: the smallest. extreme[k] is
/// side * x of line k, lines being half pixels apart.
void build_chain(std::span<const std::int64_t> extreme, HullChain& chain) {
  for (std::size_t k = 0; k < extreme.size(); ++k) {
    if (extreme[k] == std::numeric_limits<std::int64_t>::min()) continue;
    chain.add({extreme[k], static_cast<std::int64_t>(k)});
  }
}

/// Line 2 * y is the centre line of mask row y; midpoints of a row's pixel edges lie on the lines
/// 2y - 1, 2y and 2y + 1.
void collect_extremes(ImageView<const std::uint8_t> mask, std::int64_t side,
                      std::span<std::int64_t> extreme) {
  std::fill(extreme.begin(), extreme.end(), std::numeric_limits<std::int64_t>::min());
  for (std::int64_t y = 1; y + 1 < mask.height; ++y) {
    const std::uint8_t* row = mask.row(y);
    std::int64_t x = side > 0 ? mask.width - 2 : 1;
    while (x > 0 && x + 1 < mask.width && row[x] == 0) x -= side;
    if (x <= 0 || x + 1 >= mask.width) continue;
    const auto line = static_cast<std::size_t>(2 * y);
    const std::int64_t middle = side * 2 * x;
    extreme[line - 1] = std::max(extreme[line - 1], middle);
    extreme[line] = std::max(extreme[line], middle + 1);
    extreme[line + 1] = std::max(extreme[line + 1], middle);
  }
}

std::int64_t hull_pixels(ImageView<const std::uint8_t> mask, Arena& scratch) {
  const auto lines = static_cast<std::size_t>(2 * mask.height);
  auto extreme = scratch.take<std::int64_t>(lines);
  HullChain right{scratch.take<HalfPoint>(lines).data()};
  HullChain left{scratch.take<HalfPoint>(lines).data()};
  collect_extremes(mask, 1, extreme);
  build_chain(extreme, right);
  collect_extremes(mask, -1, extreme);
  build_chain(extreme, left);
  std::int64_t count = 0;
  for (std::int64_t y = 1; y + 1 < mask.height; ++y) {
    count += std::max<std::int64_t>(right.floor_x(2 * y) + left.floor_x(2 * y) + 1, 0);
  }
  return count;
}

}  // namespace

std::size_t measure_shape_scratch_bytes(std::int64_t width, std::int64_t height) {
  const auto w = static_cast<std::size_t>(width) + 2;
  const auto h = static_cast<std::size_t>(height) + 2;
  return 2 * arena_bytes(w * h) + arena_bytes(2 * h * sizeof(std::int64_t)) +
         2 * arena_bytes(2 * h * sizeof(HalfPoint));
}

RegionShape measure_shape(ImageView<const std::int32_t> labels, std::int32_t label,
                          const RegionBox& box, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  RegionShape shape;
  const auto mask = cut_out(labels, label, box, scratch);
  shape.box_area = (mask.width - 2) * (mask.height - 2);
  add_moments(mask, shape);
  auto border = scratch.take_image<std::uint8_t>(mask.width, mask.height);
  mark_border(mask, border);
  add_perimeter(border, shape);
  shape.hull_area = hull_pixels(mask, scratch);
  scratch.release(mark);
  return shape;
}

ShapeFeatures shape_features(const RegionShape& shape) {
  const auto area = static_cast<double>(shape.area);
  ShapeFeatures f;
  f.perimeter = static_cast<double>(shape.straight) +
                static_cast<double>(shape.diagonal) * std::numbers::sqrt2 +
                static_cast<double>(shape.mixed) * (1 + std::numbers::sqrt2) / 2;
  if (f.perimeter > 0) f.circularity = 4 * std::numbers::pi * area / (f.perimeter * f.perimeter);
  f.solidity = area / static_cast<double>(shape.hull_area);
  f.extent = area / static_cast<double>(shape.box_area);
  f.equivalent_diameter = std::sqrt(4 * area / std::numbers::pi);
  // Central second moments, exact in integers before the division by area^2.
  const auto central = [&](std::int64_t ab, std::int64_t a, std::int64_t b) {
    return static_cast<double>(shape.area * ab - a * b) / (area * area);
  };
  const double xx = central(shape.xx, shape.x, shape.x);
  const double yy = central(shape.yy, shape.y, shape.y);
  const double xy = central(shape.xy, shape.x, shape.y);
  const double root = std::sqrt((xx - yy) * (xx - yy) + 4 * xy * xy);
  const double large = std::max((xx + yy + root) / 2, 0.0);
  const double small = std::max((xx + yy - root) / 2, 0.0);
  f.major_axis = 4 * std::sqrt(large);
  f.minor_axis = 4 * std::sqrt(small);
  if (large > 0) f.eccentricity = std::sqrt(1 - small / large);
  return f;
}

}  // namespace tilepool
