#pragma once

#include <cstdint>
#include <numbers>

namespace tilepool {

/// Sums over the pixels of a basin of the watershed.
struct BasinMoments {
  std::int64_t n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  constexpr void add(const BasinMoments& o) {
    n += o.n;
    x += o.x;
    y += o.y;
    xx += o.xx;
    yy += o.yy;
    xy += o.xy;
  }
};

namespace basin_detail {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

/// The nearest double, ties to even. Spelled out, so that it does not depend on how a compiler
/// converts 128 bits: CPU and GPU must agree.
constexpr double nearest_double(Wide value) {
  UnsignedWide size = value < 0 ? UnsignedWide{0} - static_cast<UnsignedWide>(value)
                                : static_cast<UnsignedWide>(value);
  double scale = 1;
  for (; (size >> 64) != 0; scale *= 2) size = (size >> 1) | (size & 1);  // the last bit sticks
  const double rounded = static_cast<double>(static_cast<std::uint64_t>(size)) * scale;
  return value < 0 ? -rounded : rounded;
}

/// 12 (n Sab - Sa Sb) + square, exact before the rounding to double.
constexpr double spread(std::int64_t n, std::int64_t ab, std::int64_t a, std::int64_t b,
                        std::int64_t square) {
  return nearest_double(12 * (Wide{n} * ab - Wide{a} * b) + Wide{square});
}

}  // namespace basin_detail

/// Whether the basin's fill (watershed.h) is at least `fill`.
constexpr bool fills_ellipse(const BasinMoments& m, double fill) {
  using basin_detail::spread;
  const double a = spread(m.n, m.xx, m.x, m.x, m.n * m.n);
  const double b = spread(m.n, m.yy, m.y, m.y, m.n * m.n);
  const double c = spread(m.n, m.xy, m.x, m.y, 0);
  const auto n = static_cast<double>(m.n);
  const double cube = n * n * n;
  const double bound = 4 * std::numbers::pi * fill;
  return 144.0 * (cube * cube) >= (bound * bound) * (a * b - c * c);
}

}  // namespace tilepool
