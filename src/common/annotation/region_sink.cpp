#include "common/annotation/region_sink.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include "common/base/text.h"

namespace tilepool {
namespace {

constexpr std::size_t kMaxWarnings = 100;
constexpr std::size_t kMaxNameBytes = 255;
/// No slide is as large; with 1/256 px it fits 64 bits, and products 128.
constexpr double kLargestCoordinate_px = 1 << 26;

Vertex half(Vertex a, Vertex b) { return {(a.x - b.x) / 2, (a.y - b.y) / 2}; }
Vertex middle(Vertex a, Vertex b) { return {(a.x + b.x) / 2, (a.y + b.y) / 2}; }

// The ends of the axes of an upright ellipse: one pair lies above one another, the other side by
// side, while corners of an upright box would share the coordinate with a neighbour.
bool are_axis_ends(const std::vector<Vertex>& v) {
  const auto near = [](double a, double b) { return std::fabs(a - b) < 0.01; };
  const bool upright = near(v[0].x, v[2].x) && near(v[1].y, v[3].y);
  const bool lying = near(v[0].y, v[2].y) && near(v[1].x, v[3].x);
  return upright || lying;
}

}  // namespace

RegionSink::RegionSink(std::string name, std::string format, Coordinates coordinates)
    : name_(std::move(name)), offset_px_(coordinates == Coordinates::kPixels ? 0.5 : 0) {
  found_.format = std::move(format);
}

void RegionSink::throw_refusal(std::string_view where, const std::string& what) const {
  fail(ErrorCode::kSlide, "{}: {}{}{}", name_, printable_utf8(where), where.empty() ? "" : ": ",
       what);
}

void RegionSink::warn(std::string_view where, std::string_view what) {
  if (found_.warnings.size() < kMaxWarnings)
    found_.warnings.push_back(fmt::format("{}: {}", printable_utf8(where), what));
  else
    ++unsaid_;
}

double RegionSink::number(std::string_view where, std::string_view what,
                          std::string_view text) const {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    refuse(where, "{}=\"{}\" is no number", what, printable_utf8(text.substr(0, 40)));
  return value;
}

void RegionSink::check_vertex(std::string_view where, Vertex vertex) {
  if (!(std::fabs(vertex.x) <= kLargestCoordinate_px &&
        std::fabs(vertex.y) <= kLargestCoordinate_px))
    refuse(where, "({}, {}) is on no slide", vertex.x, vertex.y);
  if (++vertices_ > kMaxVertices) refuse(where, "the file has more than {} vertices", kMaxVertices);
}

std::string RegionSink::clean(std::string_view where, const std::string& text) {
  std::string name(trimmed(text));
  if (!is_utf8(name) || has_control_character(name)) {
    warn(where, "its name has bytes that are no text; they are _ here");
    name = printable_utf8(name);
  }
  if (name.size() <= kMaxNameBytes) return name;
  warn(where, fmt::format("its name is cut to {} bytes", kMaxNameBytes));
  name.resize(kMaxNameBytes);
  while (!is_utf8(name)) name.pop_back();
  return name;
}

void RegionSink::add(Region region) {
  region.group = clean(region.id, region.group);
  region.name = clean(region.id, region.name);
  if (found_.regions.size() >= kMaxRegions)
    refuse(region.id, "the file has more than {} regions", kMaxRegions);
  if (region.rings.empty() || region.rings[0].empty()) {
    warn(region.id, "has no vertices; left out");
    return;
  }
  region.closed = offset_px_ > 0;
  for (auto& ring : region.rings)
    for (Vertex& vertex : ring) vertex = {vertex.x + offset_px_, vertex.y + offset_px_};
  for (auto& ring : region.rings)  // a closing vertex is said by every ring anyway
    if (region.has_area() && ring.size() > 1 && ring.front() == ring.back()) ring.pop_back();
  if (region.has_area() && region.rings[0].size() < 3) {
    warn(region.id,
         fmt::format("has {} vertices, which enclose nothing; left out", region.rings[0].size()));
    return;
  }
  if (region.kind == RegionKind::kPoint) warn(region.id, "is points, which have no area");
  if (region.kind == RegionKind::kLine) warn(region.id, "is an open line, which has no area");
  found_.regions.push_back(std::move(region));
}

Annotations RegionSink::finish() {
  if (unsaid_ > 0) found_.warnings.push_back(fmt::format("and {} more like these", unsaid_));
  return std::move(found_);
}

std::vector<Vertex> box_from(const std::vector<Vertex>& vertices) {
  return vertices.size() == 2 ? box_ring(vertices[0], vertices[1]) : vertices;
}

std::vector<Vertex> ellipse_from(const std::vector<Vertex>& v) {
  if (v.size() == 2) {
    const Vertex h = half(v[1], v[0]);
    return ellipse_ring(middle(v[0], v[1]), {h.x, 0}, {0, h.y});
  }
  if (v.size() != 4) return v;  // drawn vertex by vertex
  const Vertex centre = middle(middle(v[0], v[2]), middle(v[1], v[3]));
  if (are_axis_ends(v)) return ellipse_ring(centre, half(v[1], v[3]), half(v[0], v[2]));
  return ellipse_ring(centre, half(v[1], v[0]), half(v[2], v[1]));
}

}  // namespace tilepool
