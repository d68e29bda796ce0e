#include "common/kernels/patch_stats.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tilepool {
namespace {

/// Of one row; returns how many pixels are white and black.
struct RowCounts {
  std::int64_t white = 0, black = 0;
};

RowCounts take_row(const std::uint8_t* rgb, std::int64_t width, int white_level, int black_level,
                   std::int16_t* grey) {
  std::int32_t white = 0;
  std::int32_t black = 0;
  for (std::int64_t x = 0; x < width; ++x) {
    const int r = rgb[3 * x];
    const int g = rgb[3 * x + 1];
    const int b = rgb[3 * x + 2];
    white += std::min({r, g, b}) >= white_level ? 1 : 0;
    black += std::max({r, g, b}) <= black_level ? 1 : 0;
    grey[x] = static_cast<std::int16_t>((77 * r + 150 * g + 29 * b + 128) >> 8);
  }
  return {white, black};
}

}  // namespace

PatchStats patch_stats(ConstRgbView rgb, int white_level, int black_level) {
  const std::int64_t width = rgb.width;
  std::array<std::vector<std::int16_t>, 3> rows;
  for (auto& row : rows) row.resize(static_cast<std::size_t>(width));
  std::int64_t white = 0;
  std::int64_t black = 0;
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    std::int16_t* const below = rows[static_cast<std::size_t>(y % 3)].data();
    const RowCounts counts = take_row(rgb.row(y), width, white_level, black_level, below);
    white += counts.white;
    black += counts.black;
    if (y < 2) continue;
    const std::int16_t* const above = rows[static_cast<std::size_t>((y - 2) % 3)].data();
    const std::int16_t* const here = rows[static_cast<std::size_t>((y - 1) % 3)].data();
    std::int32_t row_sum = 0;
    std::int64_t row_squares = 0;
    for (std::int64_t x = 1; x + 1 < width; ++x) {
      const std::int32_t edge = 4 * here[x] - here[x - 1] - here[x + 1] - above[x] - below[x];
      row_sum += edge;
      row_squares += edge * edge;
    }
    sum += row_sum;
    squares += row_squares;
  }
  const auto n = static_cast<double>(rgb.pixels());
  const double inner = static_cast<double>((width - 2) * (rgb.height - 2));
  const double mean = static_cast<double>(sum) / inner;
  return {static_cast<double>(white) / n, static_cast<double>(black) / n,
          static_cast<double>(squares) / inner - mean * mean};
}

}  // namespace tilepool
