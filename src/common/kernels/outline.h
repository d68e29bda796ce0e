#pragma once

#include <cstddef>
#include <cstdint>

// The arithmetic of region_shape.h on single points and pixels.
namespace tilepool {

/// What a border pixel counts in the perimeter.
enum class BorderClass { kNone, kStraight, kDiagonal, kMixed };

/// By how many of its neighbours are border pixels too: of the four beside it, and of those at its
/// corners.
constexpr BorderClass border_class(int beside, int corner) {
  switch (1 + 2 * beside + 10 * corner) {
    case 5:
    case 7:
    case 15:
    case 17:
    case 25:
    case 27:
      return BorderClass::kStraight;
    case 21:
    case 33:
      return BorderClass::kDiagonal;
    case 13:
    case 23:
      return BorderClass::kMixed;
    default:
      return BorderClass::kNone;
  }
}

/// Hull arithmetic is in half pixels, so that edge midpoints are whole numbers.
struct HalfPoint {
  std::int64_t x, y;
};

constexpr std::int64_t cross(const HalfPoint& o, const HalfPoint& a, const HalfPoint& b) {
  return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// One side of a convex hull: points with growing y, turning one way only. Owns nothing.
struct HullChain {
  HalfPoint* points;
  std::size_t size = 0;
  std::size_t at = 0;  ///< where floor_x() is

  /// Adds a point below the last one, and drops those that it makes part of the inside.
  constexpr void add(const HalfPoint& p) {
    while (size >= 2 && cross(points[size - 2], points[size - 1], p) <= 0) --size;
    points[size++] = p;
  }
  /// floor of the x at line k, in whole pixels: floor(x / 2). For growing k; two points at least.
  constexpr std::int64_t floor_x(std::int64_t k) {
    while (at + 2 < size && points[at + 1].y < k) ++at;
    const HalfPoint& a = points[at];
    const HalfPoint& b = points[at + 1];
    return floor_div(a.x * (b.y - a.y) + (b.x - a.x) * (k - a.y), 2 * (b.y - a.y));
  }
};

}  // namespace tilepool
