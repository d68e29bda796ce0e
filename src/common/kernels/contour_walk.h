#pragma once

#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/contour.h"

namespace tilepool {
namespace contour_detail {

// Directions 0..3: east, south, west, north.
constexpr std::int32_t step_x(int direction) {
  return direction == 0 ? 1 : direction == 2 ? -1 : 0;
}
constexpr std::int32_t step_y(int direction) {
  return direction == 1 ? 1 : direction == 3 ? -1 : 0;
}

/// Which way to go on at corner (x, y), the label being on the right. Diagonal neighbours belong
/// together, so left comes first. The pixels ahead of a corner lie at the corner or one less.
template <class Inside>
constexpr int next_direction(int direction, std::int32_t x, std::int32_t y, const Inside& inside) {
  const std::int32_t left_x = direction >= 2 ? -1 : 0;
  const std::int32_t left_y = direction == 0 || direction == 3 ? -1 : 0;
  if (inside(x + left_x, y + left_y)) return (direction + 3) % 4;
  const std::int32_t right_x = direction == 1 || direction == 2 ? -1 : 0;
  const std::int32_t right_y = direction >= 2 ? -1 : 0;
  if (inside(x + right_x, y + right_y)) return direction;
  return (direction + 1) % 4;
}

/// Whether b lies straight between a and c, steps being at most two half pixels.
constexpr bool straight(const HalfPixel& a, const HalfPixel& b, const HalfPixel& c) {
  return (b.x - a.x) * (c.y - b.y) == (b.y - a.y) * (c.x - b.x);
}

}  // namespace contour_detail

/// Calls put(point) for each point of the ring of trace_contour (contour.h), in order.
template <class Put>
constexpr void walk_contour(ImageView<const std::int32_t> labels, std::int32_t label,
                            std::int64_t x, std::int64_t y, Put put) {
  using namespace contour_detail;
  const auto inside = [&](std::int32_t px, std::int32_t py) {
    return px >= 0 && py >= 0 && px < labels.width && py < labels.height &&
           labels.at(px, py) == label;
  };
  const HalfPixel first = {static_cast<std::int32_t>(2 * x + 1), static_cast<std::int32_t>(2 * y)};
  HalfPixel before = first;  // the midpoint before the last one seen
  HalfPixel last = first;    // the last midpoint seen, not yet decided upon
  auto cx = static_cast<std::int32_t>(x + 1);
  auto cy = static_cast<std::int32_t>(y);
  int direction = 0;
  while (true) {
    direction = next_direction(direction, cx, cy, inside);
    const HalfPixel point = {2 * cx + step_x(direction), 2 * cy + step_y(direction)};
    if (last == first || !straight(before, last, point)) {
      put(last);
      before = last;
    }
    last = point;
    if (point == first) return;
    cx += step_x(direction);
    cy += step_y(direction);
  }
}

}  // namespace tilepool
