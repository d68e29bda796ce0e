#include "common/kernels/contour.h"

#include <array>

namespace tilepool {
namespace {

// Directions east, south, west, north.
constexpr std::array<std::int32_t, 4> kStepX = {1, 0, -1, 0};
constexpr std::array<std::int32_t, 4> kStepY = {0, 1, 0, -1};
// The pixel ahead of a corner, left and right of the direction, relative to the corner.
constexpr std::array<std::int32_t, 4> kLeftX = {0, 0, -1, -1};
constexpr std::array<std::int32_t, 4> kLeftY = {-1, 0, 0, -1};
constexpr std::array<std::int32_t, 4> kRightX = {0, -1, -1, 0};
constexpr std::array<std::int32_t, 4> kRightY = {0, 0, -1, -1};

/// Which way to go on at corner (x, y), the label being on the right. Diagonal neighbours belong
/// together, so left comes first.
template <class Inside>
std::size_t next_direction(std::size_t direction, std::int32_t x, std::int32_t y, Inside inside) {
  if (inside(x + kLeftX[direction], y + kLeftY[direction])) return (direction + 3) % 4;
  if (inside(x + kRightX[direction], y + kRightY[direction])) return direction;
  return (direction + 1) % 4;
}

/// Whether b lies straight between a and c, steps being at most two half pixels.
bool straight(const HalfPixel& a, const HalfPixel& b, const HalfPixel& c) {
  return (b.x - a.x) * (c.y - b.y) == (b.y - a.y) * (c.x - b.x);
}

}  // namespace

void trace_contour(ImageView<const std::int32_t> labels, std::int32_t label, std::int64_t x,
                   std::int64_t y, std::vector<HalfPixel>& out) {
  const auto inside = [&](std::int32_t px, std::int32_t py) {
    return px >= 0 && py >= 0 && px < labels.width && py < labels.height &&
           labels.at(px, py) == label;
  };
  out.clear();
  const HalfPixel first = {static_cast<std::int32_t>(2 * x + 1), static_cast<std::int32_t>(2 * y)};
  HalfPixel before = first;  // the midpoint before the last one seen
  HalfPixel last = first;    // the last midpoint seen, not yet decided upon
  const auto see = [&](const HalfPixel& point) {
    if (last == first || !straight(before, last, point)) {
      out.push_back(last);
      before = last;
    }
    last = point;
  };
  auto cx = static_cast<std::int32_t>(x + 1);
  auto cy = static_cast<std::int32_t>(y);
  std::size_t direction = 0;
  while (true) {
    direction = next_direction(direction, cx, cy, inside);
    const HalfPixel point = {2 * cx + kStepX[direction], 2 * cy + kStepY[direction]};
    see(point);
    if (point == first) return;
    cx += kStepX[direction];
    cy += kStepY[direction];
  }
}

}  // namespace tilepool
