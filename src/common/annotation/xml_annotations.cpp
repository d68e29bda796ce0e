#include <algorithm>
#include <cmath>

#include <pugixml.hpp>

#include "common/annotation/region_sink.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

using pugi::xml_node;

std::string attribute(const xml_node& node, const char* name) {
  return node.attribute(name).as_string();
}

bool is_true(const std::string& text) { return text == "1" || text == "True" || text == "true"; }

/// "line 12, column 5" of a byte.
std::string place_of(std::string_view text, std::ptrdiff_t byte) {
  const std::string_view before = text.substr(
      0, std::min(text.size(), static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, byte))));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  return fmt::format("line {}, column {}", line, before.size() - (before.rfind('\n') + 1) + 1);
}

/// The vertex that an element's attributes X and Y give.
Vertex vertex_of(RegionSink& sink, const std::string& where, const xml_node& node) {
  const auto value = [&](const char* name) {
    if (!node.attribute(name)) sink.refuse(where, "<{}> has no {}", node.name(), name);
    return sink.number(where, name, attribute(node, name));
  };
  const Vertex vertex{value("X"), value("Y")};
  sink.check_vertex(where, vertex);
  return vertex;
}

std::vector<Vertex> vertices_of(RegionSink& sink, const std::string& where, const xml_node& list,
                                const char* element) {
  std::vector<Vertex> vertices;
  for (const xml_node& node : list.children(element))
    vertices.push_back(vertex_of(sink, where, node));
  return vertices;
}

enum class Shape { kPolygon, kBox, kEllipse, kPoint, kLine };

/// Gives `region` the outline that `vertices` stand for.
void shape_region(Region& region, Shape shape, std::vector<Vertex> vertices) {
  switch (shape) {
    case Shape::kPolygon:
      region.kind = RegionKind::kPolygon;
      break;
    case Shape::kBox:
      region.kind = RegionKind::kBox;
      vertices = box_from(vertices);
      break;
    case Shape::kEllipse:
      region.kind = RegionKind::kEllipse;
      vertices = ellipse_from(vertices);
      break;
    case Shape::kPoint:
      region.kind = RegionKind::kPoint;
      break;
    case Shape::kLine:
      region.kind = RegionKind::kLine;
      break;
  }
  region.rings = {std::move(vertices)};
}

/// ImageScope numbers its shapes, HALO and Sedeen (GeoShape) name them.
Shape shape_named(RegionSink& sink, const std::string& where, const std::string& word) {
  static const std::vector<std::pair<std::string_view, Shape>> kShapes = {
      {"", Shape::kPolygon},         {"0", Shape::kPolygon},       {"1", Shape::kBox},
      {"2", Shape::kEllipse},        {"3", Shape::kLine},          {"4", Shape::kLine},
      {"5", Shape::kPoint},          {"Polygon", Shape::kPolygon}, {"Area", Shape::kPolygon},
      {"Freehand", Shape::kPolygon}, {"Rectangle", Shape::kBox},   {"Ellipse", Shape::kEllipse},
      {"Circle", Shape::kEllipse},   {"Points", Shape::kPoint},    {"Point", Shape::kPoint},
      {"Pin", Shape::kPoint},        {"Line", Shape::kLine},       {"Polyline", Shape::kLine},
      {"Arrow", Shape::kLine},       {"Ruler", Shape::kLine}};
  for (const auto& [name, shape] : kShapes)
    if (word == name) return shape;
  sink.refuse(where, "its type \"{}\" is not known", printable_utf8(word));
}

/// The name of an ImageScope layer, which may stand in one of its attributes.
std::string layer_name(const xml_node& layer) {
  if (std::string name = attribute(layer, "Name"); !trimmed(name).empty()) return name;
  for (const xml_node& one : layer.child("Attributes").children("Attribute")) {
    std::string name = attribute(one, "Name");
    if (name == "Description") {
      if (std::string value = attribute(one, "Value"); !trimmed(value).empty()) return value;
    } else if (!trimmed(name).empty()) {
      return name;
    }
  }
  return "Layer " + attribute(layer, "Id");
}

Region scope_region(RegionSink& sink, const xml_node& node, const std::string& where) {
  Region region;
  region.id = where;
  region.name = attribute(node, "Text");
  if (region.name == "null") region.name.clear();
  region.negative = is_true(attribute(node, "NegativeROA"));
  const xml_node list = node.child("Vertices");
  std::vector<Vertex> vertices = vertices_of(sink, where, list, "Vertex");
  if (vertices.empty()) vertices = vertices_of(sink, where, list, "V");
  const bool named = static_cast<bool>(node.attribute("GeoShape"));
  shape_region(region, shape_named(sink, where, attribute(node, named ? "GeoShape" : "Type")),
               std::move(vertices));
  return region;
}

/// ImageScope, and HALO, whose layers are the same but for V instead of Vertex.
Annotations parse_layers(const xml_node& root, const std::string& name) {
  const bool halo = !root.select_node("Annotation/Regions/Region/Vertices/V").node().empty();
  RegionSink sink(name, halo ? "HALO XML" : "ImageScope XML", Coordinates::kPixels);
  std::size_t layers = 0;
  for (const xml_node& layer : root.children("Annotation")) {
    const std::string group = layer_name(layer);
    ++layers;
    std::size_t index = 0;
    for (const xml_node& node : layer.child("Regions").children("Region")) {
      const std::string id = attribute(node, "Id");
      ++index;
      Region region =
          scope_region(sink, node,
                       fmt::format("layer {} \"{}\", region {}", layers, printable_utf8(group),
                                   id.empty() ? std::to_string(index) : printable_utf8(id)));
      region.group = group;
      sink.add(std::move(region));
    }
  }
  return sink.finish();
}

/// The coordinates of an ASAP annotation in the order that they name.
std::vector<Vertex> asap_vertices(RegionSink& sink, const std::string& where,
                                  const xml_node& list) {
  std::vector<std::pair<double, Vertex>> ordered;
  for (const xml_node& node : list.children("Coordinate")) {
    const double order = node.attribute("Order")
                             ? sink.number(where, "Order", attribute(node, "Order"))
                             : static_cast<double>(ordered.size());
    ordered.emplace_back(order, vertex_of(sink, where, node));
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Vertex> vertices;
  vertices.reserve(ordered.size());
  for (const auto& [order, vertex] : ordered) vertices.push_back(vertex);
  return vertices;
}

Shape asap_shape(RegionSink& sink, const std::string& where, const std::string& type) {
  if (type == "Polygon") return Shape::kPolygon;
  if (type == "Rectangle") return Shape::kBox;
  if (type == "Dot" || type == "PointSet") return Shape::kPoint;
  if (type == "Measurement") return Shape::kLine;
  if (type != "Spline") sink.refuse(where, "its type \"{}\" is not known", printable_utf8(type));
  sink.warn(where, "is a spline; it is taken as the polygon through its points");
  return Shape::kPolygon;
}

Annotations parse_asap(const xml_node& root, const std::string& name) {
  RegionSink sink(name, "ASAP XML", Coordinates::kPixels);
  std::size_t index = 0;
  for (const xml_node& node : root.child("Annotations").children("Annotation")) {
    Region region;
    region.name = attribute(node, "Name");
    region.id = fmt::format("annotation {} \"{}\"", ++index, printable_utf8(region.name));
    region.group = attribute(node, "PartOfGroup");
    if (region.group == "None") region.group.clear();
    std::vector<Vertex> vertices = asap_vertices(sink, region.id, node.child("Coordinates"));
    const Shape shape = asap_shape(sink, region.id, attribute(node, "Type"));
    shape_region(region, shape, std::move(vertices));
    sink.add(std::move(region));
  }
  return sink.finish();
}

/// Positions of NDP.view: nanometres from the centre of the slide, of which the scanned image's
/// centre lies at the offsets that the slide tells (as OpenSlide documents its properties).
class NdpaReader {
 public:
  NdpaReader(const std::string& name, const std::optional<SlideInfo>& slide)
      : sink_(name, "NDPA", Coordinates::kCorners) {
    if (!slide)
      sink_.refuse("", "NDPA counts nanometres from the slide's centre; name the slide (--slide)");
    slide_ = *slide;
    if (!std::isfinite(slide_.mpp_x) || !std::isfinite(slide_.mpp_y))
      sink_.refuse("", "NDPA counts nanometres, and the slide does not tell its mpp; give it");
    if (!std::isfinite(slide_.centre_offset_x_nm) || !std::isfinite(slide_.centre_offset_y_nm))
      sink_.refuse("",
                   "NDPA counts from the slide's centre, and the slide does not tell where that is "
                   "(hamamatsu.XOffsetFromSlideCentre, hamamatsu.YOffsetFromSlideCentre)");
  }

  Annotations parse(const xml_node& root) {
    std::size_t index = 0;
    for (const xml_node& state : root.children("ndpviewstate")) {
      Region region;
      ++index;
      const std::string id = attribute(state, "id");
      region.group = state.child("title").text().as_string();
      region.name = state.child("details").text().as_string();
      region.id = fmt::format("annotation {} \"{}\"", id.empty() ? std::to_string(index) : id,
                              printable_utf8(trimmed(region.group)));
      if (read(state.child("annotation"), region)) sink_.add(std::move(region));
    }
    return sink_.finish();
  }

 private:
  double value(const Region& region, const xml_node& node, const char* name) {
    if (!node.child(name)) sink_.refuse(region.id, "<{}> has no <{}>", node.name(), name);
    return sink_.number(region.id, name, node.child(name).text().as_string());
  }
  Vertex vertex(const Region& region, const xml_node& node, const char* x, const char* y) {
    const double right_nm = value(region, node, x) - slide_.centre_offset_x_nm;
    const double down_nm = value(region, node, y) - slide_.centre_offset_y_nm;
    const Vertex place{right_nm / (1000 * slide_.mpp_x) + static_cast<double>(slide_.width) / 2,
                       down_nm / (1000 * slide_.mpp_y) + static_cast<double>(slide_.height) / 2};
    sink_.check_vertex(region.id, place);
    return place;
  }

  /// False when there is nothing to keep.
  bool read(const xml_node& node, Region& region) {
    const std::string type = attribute(node, "type");
    if (type == "freehand") {
      read_freehand(node, region);
    } else if (type == "circle") {
      const double radius_um = value(region, node, "radius") / 1000;
      region.kind = RegionKind::kEllipse;
      region.rings = {ellipse_ring(vertex(region, node, "x", "y"), {radius_um / slide_.mpp_x, 0},
                                   {0, radius_um / slide_.mpp_y})};
      for (const Vertex& one : region.rings[0]) sink_.check_vertex(region.id, one);
    } else if (type == "pin") {
      region.kind = RegionKind::kPoint;
      region.rings = {{vertex(region, node, "x", "y")}};
    } else if (type == "pointer" || type == "linearmeasure") {
      region.kind = RegionKind::kLine;
      region.rings = {{vertex(region, node, "x1", "y1"), vertex(region, node, "x2", "y2")}};
    } else {
      const bool drawn = node.child("pointlist") || node.child("x") || node.child("x1");
      if (drawn) sink_.refuse(region.id, "its type \"{}\" is not known", printable_utf8(type));
      sink_.warn(region.id, "has no shape; left out");
      return false;
    }
    return true;
  }

  void read_freehand(const xml_node& node, Region& region) {
    std::vector<Vertex> vertices;
    for (const xml_node& point : node.child("pointlist").children("point"))
      vertices.push_back(vertex(region, point, "x", "y"));
    const bool closed = is_true(node.child("closed").text().as_string());
    shape_region(region, closed ? Shape::kPolygon : Shape::kLine, std::move(vertices));
  }

  RegionSink sink_;
  SlideInfo slide_;
};

}  // namespace

Annotations parse_xml_annotations(std::string_view text, const std::string& name,
                                  const std::optional<SlideInfo>& slide) {
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer(text.data(), text.size());
  check(static_cast<bool>(result), ErrorCode::kSlide, "{}: malformed XML at {}: {}", name,
        place_of(text, result.offset), result.description());
  const xml_node root = document.document_element();
  const std::string title = root.name();
  if (title == "Annotations") return parse_layers(root, name);
  if (title == "ASAP_Annotations") return parse_asap(root, name);
  if (title == "annotations") return NdpaReader(name, slide).parse(root);
  fail(ErrorCode::kSlide,
       "{}: XML with the root <{}>; expected <Annotations> (ImageScope, HALO), <ASAP_Annotations> "
       "or "
       "<annotations> (NDP.view)",
       name, printable_utf8(title));
}

}  // namespace tilepool
