#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tilepool {

/// A place on a slide: level-0 pixels, origin at the top left corner of its first pixel.
struct Vertex {
  double x = 0, y = 0;
  bool operator==(const Vertex&) const = default;
};

enum class RegionKind { kPolygon, kBox, kEllipse, kPoint, kLine };

/// What was drawn once, whatever program it was drawn with. A region with an area has its outline
/// as ring 0 and its holes behind it; rings are closed by an edge from the last vertex to the
/// first. An ellipse is a polygon here that is nowhere further than 0.05 px from it. Points and
/// lines hold their vertices in ring 0 and have no area.
struct Region {
  std::string id;     ///< that a message names it by: "Region 5", "features[3]"
  std::string group;  ///< layer, class or group; may be empty
  std::string name;   ///< its own; may be empty
  RegionKind kind = RegionKind::kPolygon;
  bool negative = false;  ///< cut out of the regions of its group
  bool closed = false;    ///< its outline belongs to it: it was drawn from pixel to pixel
  std::vector<std::vector<Vertex>> rings;

  [[nodiscard]] bool has_area() const {
    return kind != RegionKind::kPoint && kind != RegionKind::kLine;
  }
};

/// Vertices of all rings.
[[nodiscard]] std::size_t vertex_count(const Region& region);

/// The enclosed area in px^2 of level 0, holes taken off; 0 for points and lines. Of an outline
/// that crosses itself, parts that run the other way count negative.
[[nodiscard]] double region_area_px(const Region& region);

/// The smallest box around the outline.
struct Bounds {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};
/// `region` has a vertex in ring 0.
[[nodiscard]] Bounds bounds_of(const Region& region);

/// An ellipse about `centre` with the conjugate half axes a and b: centre + cos t * a + sin t * b.
[[nodiscard]] std::vector<Vertex> ellipse_ring(Vertex centre, Vertex a, Vertex b);

/// A box between two opposite corners.
[[nodiscard]] std::vector<Vertex> box_ring(Vertex a, Vertex b);

}  // namespace tilepool
