#include "report/outline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/core.h>

namespace tilepool {
namespace {

constexpr std::size_t kLeastEdges = 10;

struct Point {
  std::int64_t x = 0, y = 0;
};
using Ring = std::vector<Point>;

/// Walks borders along pixel edges with the ones on the right, and gives the edges' midpoints.
class Tracer {
 public:
  explicit Tracer(const SmallMask& mask)
      : mask_(mask), seen_(static_cast<std::size_t>((mask.width + 1) * (mask.height + 1)), 0) {}

  std::vector<Ring> rings() {
    std::vector<Ring> rings;
    for (std::int64_t y = 0; y < mask_.height; ++y)
      for (std::int64_t x = 0; x < mask_.width; ++x)
        // Every border has an edge that leads east above a pixel of the mask.
        if (mask_.at(x, y) && !mask_.at(x, y - 1) && seen_[corner(x, y)] == 0)
          rings.push_back(walk(x, y));
    return rings;
  }

 private:
  [[nodiscard]] std::size_t corner(std::int64_t x, std::int64_t y) const {
    return static_cast<std::size_t>(y * (mask_.width + 1) + x);
  }

  Ring walk(std::int64_t x, std::int64_t y) {
    // East, south, west, north; the pixels ahead of a corner, left and right of the direction.
    constexpr std::array<Point, 4> kStep = {{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};
    constexpr std::array<Point, 4> kLeft = {{{0, -1}, {0, 0}, {-1, 0}, {-1, -1}}};
    constexpr std::array<Point, 4> kRight = {{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}}};
    Ring ring;
    std::size_t direction = 0;
    const std::int64_t x0 = x;
    const std::int64_t y0 = y;
    do {
      if (direction == 0) seen_[corner(x, y)] = 1;
      const Point step = kStep[direction];
      ring.push_back({2 * x + step.x, 2 * y + step.y});
      x += step.x;
      y += step.y;
      if (mask_.at(x + kLeft[direction].x, y + kLeft[direction].y)) {
        direction = (direction + 3) % 4;
      } else if (!mask_.at(x + kRight[direction].x, y + kRight[direction].y)) {
        direction = (direction + 1) % 4;
      }
    } while (x != x0 || y != y0 || direction != 0);
    return ring;
  }

  const SmallMask& mask_;
  std::vector<std::uint8_t> seen_;
};

/// From p to the segment a-b.
double distance(Point p, Point a, Point b) {
  const auto dx = static_cast<double>(b.x - a.x);
  const auto dy = static_cast<double>(b.y - a.y);
  const auto px = static_cast<double>(p.x - a.x);
  const auto py = static_cast<double>(p.y - a.y);
  const double length2 = dx * dx + dy * dy;
  const double t = length2 > 0 ? std::clamp((px * dx + py * dy) / length2, 0.0, 1.0) : 0.0;
  return std::hypot(px - t * dx, py - t * dy);
}

/// The points that stay when what lies within `tolerance` of the chords is dropped.
Ring simplified(const Ring& ring, double tolerance) {
  std::vector<std::uint8_t> keep(ring.size(), 0);
  keep.front() = keep.back() = 1;
  std::vector<std::pair<std::size_t, std::size_t>> open = {{0, ring.size() - 1}};
  while (!open.empty()) {
    const auto [first, last] = open.back();
    open.pop_back();
    std::size_t farthest = first;
    double most = tolerance;
    for (std::size_t i = first + 1; i < last; ++i) {
      const double d = distance(ring[i], ring[first], ring[last]);
      if (d > most) {
        most = d;
        farthest = i;
      }
    }
    if (farthest == first) continue;
    keep[farthest] = 1;
    open.emplace_back(first, farthest);
    open.emplace_back(farthest, last);
  }
  Ring kept;
  for (std::size_t i = 0; i < ring.size(); ++i)
    if (keep[i] != 0) kept.push_back(ring[i]);
  return kept;
}

std::string pair_text(Point p, char command) {
  const char* separator = p.y < 0 ? "" : " ";
  const char* lead = p.x < 0 || command != ' ' ? "" : " ";
  const std::string letter = command == ' ' ? "" : std::string(1, command);
  return fmt::format("{}{}{}{}{}", letter, lead, p.x, separator, p.y);
}

}  // namespace

SmallMask shrink_mask(ImageView<const std::uint8_t> mask, std::int64_t width, std::int64_t height) {
  SmallMask small{width, height, {}};
  small.ones.reserve(static_cast<std::size_t>(width * height));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t y0 = y * mask.height / height;
    const std::int64_t y1 = std::max(y0 + 1, (y + 1) * mask.height / height);
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t x0 = x * mask.width / width;
      const std::int64_t x1 = std::max(x0 + 1, (x + 1) * mask.width / width);
      std::int64_t ones = 0;
      for (std::int64_t v = y0; v < y1; ++v)
        for (std::int64_t u = x0; u < x1; ++u) ones += mask.at(u, v) != 0 ? 1 : 0;
      small.ones.push_back(2 * ones >= (y1 - y0) * (x1 - x0) ? 1 : 0);
    }
  }
  return small;
}

std::string outline_path(const SmallMask& mask, double tolerance) {
  std::string path;
  for (const Ring& ring : Tracer(mask).rings()) {
    if (ring.size() < kLeastEdges) continue;
    const Ring kept = simplified(ring, tolerance);
    if (kept.size() < 3) continue;
    path += pair_text(kept.front(), 'M');
    for (std::size_t i = 1; i < kept.size(); ++i)
      path += pair_text({kept[i].x - kept[i - 1].x, kept[i].y - kept[i - 1].y}, i == 1 ? 'l' : ' ');
    path += 'z';
  }
  return path;
}

}  // namespace tilepool
