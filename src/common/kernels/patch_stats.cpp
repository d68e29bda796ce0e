#include "common/kernels/patch_stats.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace tilepool {
namespace {

/// Pixels whose squared edges fit 32 bits in sum: 1020 * 1020 * 2048 < 2^31.
constexpr std::int64_t kBlock = 2048;

// Loops are cut so that the compiler makes vectors of them (CMakeLists.txt asks for it): this is
// beside decoding the largest cost of cutting patches.

/// A row of pixels as three planes.
struct Planes {
  explicit Planes(std::int64_t width) {
    for (auto* plane : {&r, &g, &b}) plane->resize(static_cast<std::size_t>(width));
  }
  void take(const std::uint8_t* rgb) {
    std::uint8_t* const red = r.data();
    std::uint8_t* const green = g.data();
    std::uint8_t* const blue = b.data();
    for (std::size_t x = 0; x < r.size(); ++x) {
      red[x] = rgb[3 * x];
      green[x] = rgb[3 * x + 1];
      blue[x] = rgb[3 * x + 2];
    }
  }
  std::vector<std::uint8_t> r, g, b;
};

std::int64_t count_white(const Planes& row, std::uint8_t level) {
  std::uint32_t count = 0;
  for (std::size_t x = 0; x < row.r.size(); ++x) {
    const std::uint8_t least = std::min(std::min(row.r[x], row.g[x]), row.b[x]);
    count += least >= level ? 1U : 0U;
  }
  return count;
}

std::int64_t count_black(const Planes& row, std::uint8_t level) {
  std::uint32_t count = 0;
  for (std::size_t x = 0; x < row.r.size(); ++x) {
    const std::uint8_t most = std::max(std::max(row.r[x], row.g[x]), row.b[x]);
    count += most <= level ? 1U : 0U;
  }
  return count;
}

void to_grey(const Planes& row, std::int16_t* grey) {
  for (std::size_t x = 0; x < row.r.size(); ++x) {
    // At most 256 * 255 + 128.
    const auto sum =
        static_cast<std::uint16_t>(77 * row.r[x] + 150 * row.g[x] + 29 * row.b[x] + 128);
    grey[x] = static_cast<std::int16_t>(sum >> 8);
  }
}

struct EdgeSums {
  std::int64_t sum = 0, squares = 0;
};

void add_edges(const std::int16_t* above, const std::int16_t* here, const std::int16_t* below,
               std::int64_t width, EdgeSums& sums) {
  for (std::int64_t first = 1; first < width - 1; first += kBlock) {
    const std::int64_t end = std::min(first + kBlock, width - 1);
    std::int32_t sum = 0;
    std::int32_t squares = 0;
    for (std::int64_t x = first; x < end; ++x) {
      const auto edge =
          static_cast<std::int16_t>(4 * here[x] - here[x - 1] - here[x + 1] - above[x] - below[x]);
      sum += edge;
      squares += edge * edge;
    }
    sums.sum += sum;
    sums.squares += squares;
  }
}

}  // namespace

PatchStats patch_stats(ConstRgbView rgb, int white_level, int black_level) {
  Planes planes(rgb.width);
  std::array<std::vector<std::int16_t>, 3> grey;
  for (auto& row : grey) row.resize(static_cast<std::size_t>(rgb.width));
  const auto row_of = [&](std::int64_t y) { return grey[static_cast<std::size_t>(y % 3)].data(); };
  std::int64_t white = 0;
  std::int64_t black = 0;
  EdgeSums edges;
  for (std::int64_t y = 0; y < rgb.height; ++y) {
    planes.take(rgb.row(y));
    white += count_white(planes, static_cast<std::uint8_t>(white_level));
    black += count_black(planes, static_cast<std::uint8_t>(black_level));
    to_grey(planes, row_of(y));
    if (y >= 2) add_edges(row_of(y - 2), row_of(y - 1), row_of(y), rgb.width, edges);
  }
  const auto n = static_cast<double>(rgb.pixels());
  const auto inner = static_cast<double>((rgb.width - 2) * (rgb.height - 2));
  const double mean = static_cast<double>(edges.sum) / inner;
  return {static_cast<double>(white) / n, static_cast<double>(black) / n,
          static_cast<double>(edges.squares) / inner - mean * mean};
}

}  // namespace tilepool
