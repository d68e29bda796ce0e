#include "common/annotation/region.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tilepool {
namespace {

constexpr double kEllipseError_px = 0.05;
constexpr double kMaxEllipseVertices = 4096;

// About the first vertex, so that large coordinates lose nothing.
double ring_area(const std::vector<Vertex>& ring) {
  double twice = 0;
  for (std::size_t i = 1; i + 1 < ring.size(); ++i)
    twice += (ring[i].x - ring[0].x) * (ring[i + 1].y - ring[0].y) -
             (ring[i + 1].x - ring[0].x) * (ring[i].y - ring[0].y);
  return std::fabs(twice) / 2;
}

}  // namespace

std::size_t vertex_count(const Region& region) {
  std::size_t count = 0;
  for (const auto& ring : region.rings) count += ring.size();
  return count;
}

double region_area_px(const Region& region) {
  if (!region.has_area() || region.rings.empty()) return 0;
  double area = ring_area(region.rings[0]);
  for (std::size_t i = 1; i < region.rings.size(); ++i) area -= ring_area(region.rings[i]);
  return std::max(area, 0.0);
}

Bounds bounds_of(const Region& region) {
  const auto& outline = region.rings.at(0);
  const Vertex& first = outline.at(0);
  Bounds box{first.x, first.y, first.x, first.y};
  for (const Vertex& vertex : outline) {
    box.x0 = std::min(box.x0, vertex.x);
    box.y0 = std::min(box.y0, vertex.y);
    box.x1 = std::max(box.x1, vertex.x);
    box.y1 = std::max(box.y1, vertex.y);
  }
  return box;
}

// A chord over the angle 2 pi / n lies at most r (1 - cos(pi / n)) inside a circle.
std::vector<Vertex> ellipse_ring(Vertex centre, Vertex a, Vertex b) {
  const double radius = std::hypot(a.x, a.y) + std::hypot(b.x, b.y);
  const double fewest = std::numbers::pi / std::acos(std::max(0.0, 1 - kEllipseError_px / radius));
  const auto n = static_cast<int>(
      std::clamp(std::isfinite(fewest) ? std::ceil(fewest) : 16.0, 16.0, kMaxEllipseVertices));
  std::vector<Vertex> ring;
  for (int i = 0; i < n; ++i) {
    const double t = 2 * std::numbers::pi * i / n;
    ring.push_back({centre.x + std::cos(t) * a.x + std::sin(t) * b.x,
                    centre.y + std::cos(t) * a.y + std::sin(t) * b.y});
  }
  return ring;
}

std::vector<Vertex> box_ring(Vertex a, Vertex b) { return {a, {b.x, a.y}, b, {a.x, b.y}}; }

}  // namespace tilepool
