#include "common/annotation/outline_raster.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tilepool {
namespace {

constexpr std::int64_t kUnit = 256;  // of a mask pixel
constexpr std::int64_t kHalf = kUnit / 2;

__extension__ using Wide = __int128;

template <class T>
T ceil_quotient(T a, T b) {  // b > 0
  const T q = a / b;
  return q + (a % b > 0 ? 1 : 0);
}

/// An edge that goes down, in units of 1/256 px.
struct Edge {
  std::int64_t x0, y0, x1, y1;      ///< y0 < y1
  std::int64_t first_row, end_row;  ///< whose centres it crosses
  std::int32_t winding;             ///< 1 when the outline goes down here, else -1
  std::int32_t ring;

  /// The first column whose centre is not left of the edge at the centre of `row`.
  [[nodiscard]] std::int64_t column(std::int64_t row) const {
    const Wide dy = y1 - y0;
    const Wide along = kUnit * row + kHalf - y0;
    return static_cast<std::int64_t>(
        ceil_quotient<Wide>(Wide{x0 - kHalf} * dy + Wide{x1 - x0} * along, Wide{kUnit} * dy));
  }
};

struct Crossing {
  std::int64_t column;
  std::int32_t winding;
  std::int32_t ring;
};

struct Rows {
  std::int64_t first, end;
};

std::int64_t to_units(double level0, double origin, double scale) {
  return std::llround((level0 - origin) / scale * static_cast<double>(kUnit));
}

void append_edges(const std::vector<Vertex>& ring, std::int32_t index, const MaskFrame& frame,
                  const Rows& rows, std::vector<Edge>& edges) {
  if (ring.empty()) return;
  const auto x_of = [&](const Vertex& v) { return to_units(v.x, frame.x0, frame.scale); };
  const auto y_of = [&](const Vertex& v) { return to_units(v.y, frame.y0, frame.scale); };
  std::int64_t ax = x_of(ring.back());
  std::int64_t ay = y_of(ring.back());
  for (const Vertex& vertex : ring) {
    const std::int64_t bx = x_of(vertex);
    const std::int64_t by = y_of(vertex);
    Edge edge =
        ay < by ? Edge{ax, ay, bx, by, 0, 0, 1, index} : Edge{bx, by, ax, ay, 0, 0, -1, index};
    edge.first_row = std::max(rows.first, ceil_quotient(edge.y0 - kHalf, kUnit));
    edge.end_row = std::min(rows.end, ceil_quotient(edge.y1 - kHalf, kUnit));
    if (edge.first_row < edge.end_row) edges.push_back(edge);
    ax = bx;
    ay = by;
  }
}

/// Sets the pixels whose centre lies on an edge from (ax, ay) to (bx, by), units of 1/256 px.
void fill_edge(std::int64_t ax, std::int64_t ay, std::int64_t bx, std::int64_t by,
               const MaskPlace& place, std::uint8_t value, ImageView<std::uint8_t> part) {
  if (ay > by) return fill_edge(bx, by, ax, ay, place, value, part);
  const std::int64_t first = std::max(place.row, ceil_quotient(ay - kHalf, kUnit));
  const std::int64_t end = std::min(place.row + part.height, ceil_quotient(by - kHalf + 1, kUnit));
  const Wide dy = by - ay;
  for (std::int64_t row = first; row < end; ++row) {
    std::int64_t from = ceil_quotient(std::min(ax, bx) - kHalf, kUnit);
    std::int64_t to = ceil_quotient(std::max(ax, bx) - kHalf + 1, kUnit);
    if (dy > 0) {
      const Wide along = kUnit * row + kHalf - ay;
      const Wide numerator = Wide{ax - kHalf} * dy + Wide{bx - ax} * along;
      if (numerator % (Wide{kUnit} * dy) != 0) continue;
      from = static_cast<std::int64_t>(numerator / (Wide{kUnit} * dy));
      to = from + 1;
    }
    from = std::clamp<std::int64_t>(from - place.column, 0, part.width);
    to = std::clamp<std::int64_t>(to - place.column, 0, part.width);
    if (from < to) std::fill_n(part.row(row - place.row) + from, to - from, value);
  }
}

void fill_outline(const std::vector<Vertex>& ring, const MaskFrame& frame, const MaskPlace& place,
                  std::uint8_t value, ImageView<std::uint8_t> part) {
  const auto x_of = [&](const Vertex& v) { return to_units(v.x, frame.x0, frame.scale); };
  const auto y_of = [&](const Vertex& v) { return to_units(v.y, frame.y0, frame.scale); };
  const Vertex* last = &ring.back();
  for (const Vertex& vertex : ring) {
    fill_edge(x_of(*last), y_of(*last), x_of(vertex), y_of(vertex), place, value, part);
    last = &vertex;
  }
}

/// Which rings the columns of one row lie in, from left to right.
class RowFill {
 public:
  explicit RowFill(std::size_t rings) : windings_(rings, 0) {}

  void fill(std::vector<Crossing>& crossings, std::uint8_t value, std::uint8_t* row,
            std::int64_t width) {
    std::sort(crossings.begin(), crossings.end(),
              [](const Crossing& a, const Crossing& b) { return a.column < b.column; });
    for (std::size_t i = 0; i < crossings.size(); ++i) {
      pass(crossings[i]);
      if (!inside() || i + 1 == crossings.size()) continue;
      const std::int64_t from = std::clamp<std::int64_t>(crossings[i].column, 0, width);
      const std::int64_t to = std::clamp<std::int64_t>(crossings[i + 1].column, 0, width);
      std::fill(row + from, row + to, value);
    }
  }

 private:
  [[nodiscard]] bool inside() const { return windings_[0] != 0 && holes_ == 0; }
  void pass(const Crossing& crossing) {
    std::int32_t& winding = windings_[static_cast<std::size_t>(crossing.ring)];
    const bool was = winding != 0;
    winding += crossing.winding;
    if (crossing.ring > 0) holes_ += (winding != 0 ? 1 : 0) - (was ? 1 : 0);
  }

  std::vector<std::int32_t> windings_;  ///< of each ring; 0 again behind the last crossing
  std::int64_t holes_ = 0;              ///< that the column lies in
};

}  // namespace

void fill_region(const Region& region, const MaskFrame& frame, const MaskPlace& place,
                 std::uint8_t value, ImageView<std::uint8_t> part) {
  if (!region.has_area() || region.rings.empty()) return;
  const Rows rows{place.row, place.row + part.height};
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < region.rings.size(); ++i)
    append_edges(region.rings[i], static_cast<std::int32_t>(i), frame, rows, edges);
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.first_row < b.first_row; });
  RowFill filler(region.rings.size());
  std::vector<const Edge*> active;
  std::vector<Crossing> crossings;
  std::size_t next = 0;
  for (std::int64_t row = rows.first; row < rows.end; ++row) {
    std::erase_if(active, [&](const Edge* edge) { return edge->end_row <= row; });
    for (; next < edges.size() && edges[next].first_row == row; ++next)
      active.push_back(&edges[next]);
    crossings.clear();
    for (const Edge* edge : active)
      crossings.push_back({edge->column(row) - place.column, edge->winding, edge->ring});
    filler.fill(crossings, value, part.row(row - rows.first), part.width);
  }
  if (region.closed) fill_outline(region.rings[0], frame, place, value, part);
}

}  // namespace tilepool
