#pragma once

#include <cstdint>

#include "cuda/device_test.h"

namespace tilepool::testing {

/// One piece that winds through the whole image, row by row or column by column.
inline Plane<std::uint8_t> snake(std::int64_t width, std::int64_t height, bool upright) {
  Plane<std::uint8_t> plane(width, height, 0);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t along = upright ? y : x;
      const std::int64_t across = upright ? x : y;
      const std::int64_t end = (upright ? height : width) - 1;
      const bool turn = across % 4 == 1 ? along == end : along == 0;
      plane.at(x, y) = across % 2 == 0 || turn ? 1 : 0;
    }
  }
  return plane;
}

/// A line of one pixel that winds inwards with one pixel between its turns.
inline Plane<std::uint8_t> spiral(std::int64_t width, std::int64_t height) {
  Plane<std::uint8_t> plane(width, height, 0);
  std::int64_t left = 0, top = 0, right = width - 1, bottom = height - 1;
  std::int64_t x = 0, y = 0;
  const auto draw = [&](std::int64_t to_x, std::int64_t to_y) {
    while (x != to_x || y != to_y) {
      plane.at(x, y) = 1;
      x += (to_x > x) - (to_x < x);
      y += (to_y > y) - (to_y < y);
    }
    plane.at(x, y) = 1;
  };
  while (right - left > 3 && bottom - top > 3) {
    draw(right, y);
    draw(right, bottom);
    draw(left, bottom);
    top += 2;
    draw(left, top);
    left += 2;
    right -= 2;
    bottom -= 2;
    draw(left, top);
  }
  return plane;
}

/// Teeth that meet only at the last row (or column).
inline Plane<std::uint8_t> comb(std::int64_t width, std::int64_t height, bool upright) {
  Plane<std::uint8_t> plane(width, height, 0);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const bool joint = upright ? y == height - 1 : x == width - 1;
      plane.at(x, y) = joint || (upright ? x : y) % 2 == 0 ? 1 : 0;
    }
  }
  return plane;
}

inline Plane<std::uint8_t> checkerboard(std::int64_t width, std::int64_t height) {
  Plane<std::uint8_t> plane(width, height, 0);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) plane.at(x, y) = (x + y) % 2 == 0 ? 1 : 0;
  }
  return plane;
}

/// Lines of one pixel that go down to the right (or to the left), `step` columns apart.
inline Plane<std::uint8_t> diagonals(std::int64_t width, std::int64_t height, std::int64_t step,
                                     bool right) {
  Plane<std::uint8_t> plane(width, height, 0);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      plane.at(x, y) = (right ? x - y + step * height : x + y) % step == 0 ? 1 : 0;
    }
  }
  return plane;
}

inline Plane<std::uint8_t> opposite(Plane<std::uint8_t> plane) {
  for (std::uint8_t& value : plane.pixels) value = value == 0 ? 1 : 0;
  return plane;
}

}  // namespace tilepool::testing
