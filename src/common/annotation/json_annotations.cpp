#include <algorithm>
#include <array>
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/annotation/region_sink.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

using Json = nlohmann::json;

/// Deeper than any of these formats goes, and shallow enough for what walks a document recursively.
constexpr int kMaxDepth = 32;

/// How deep brackets nest outside of texts. The library's own callback could tell, but makes the
/// parser look at all elements of a list behind each of them (22 s for 300,000 points).
int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if (c == ']' || c == '}') --depth;
  }
  return deepest;
}

Json parse_shallow(std::string_view text, const std::string& name) {
  check(depth_of(text) <= kMaxDepth, ErrorCode::kSlide, "{}: is nested more than {} levels deep",
        name, kMaxDepth);
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    fail(ErrorCode::kSlide, "{}: malformed JSON: {}", name,
         printable_utf8(one_line(error.what()).substr(0, 200)));
  }
}

/// A member's text, or "" when there is none.
std::string text_of(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& member(const Json& object, const char* key) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

class JsonReader {
 public:
  JsonReader(const std::string& name, const std::string& format, Coordinates coordinates)
      : sink_(name, format, coordinates) {}

  Annotations read_features(const Json& list) {
    for (std::size_t i = 0; i < list.size(); ++i) feature(list[i], fmt::format("features[{}]", i));
    return sink_.finish();
  }

  Annotations read_camelyon(const Json& document) {
    for (const bool negative : {false, true}) {
      const char* const key = negative ? "negative" : "positive";
      const Json& list = member(document, key);
      if (!list.is_null() && !list.is_array()) sink_.refuse(key, "is no list");
      for (std::size_t i = 0; i < list.size(); ++i) {
        Region region;
        region.id = fmt::format("{}[{}]", key, i);
        region.name = text_of(list[i], "name");
        region.group = "positive";
        region.negative = negative;
        region.rings = {vertices(member(list[i], "vertices"), region.id)};
        sink_.add(std::move(region));
      }
    }
    return sink_.finish();
  }

 private:
  void feature(const Json& json, const std::string& where) {
    if (!json.is_object()) sink_.refuse(where, "is no object");
    const bool bare = text_of(json, "type") != "Feature";
    Region region;
    region.id = where;
    if (!bare) describe(member(json, "properties"), region);
    const Json& shape = bare ? json : member(json, "geometry");
    if (shape.is_null()) {
      sink_.warn(where, "has no geometry; left out");
      return;
    }
    geometry(shape, region);
  }

  /// QuPath: classification, an object with a name or (0.5) names, or a text. Digital Slide
  /// Archive: group and label.
  static void describe(const Json& properties, Region& region) {
    region.name = text_of(properties, "name");
    const Json& known = member(properties, "classification");
    region.group = known.is_string() ? known.get<std::string>() : text_of(known, "name");
    const Json& names = member(known, "names");
    for (std::size_t i = 0; region.group.empty() && i < names.size(); ++i)
      if (names.is_array() && names[i].is_string()) region.group = names[i].get<std::string>();
    if (region.group.empty()) region.group = text_of(properties, "group");
    if (region.name.empty()) region.name = text_of(properties, "label");
  }

  void geometry(const Json& shape, const Region& like) {
    const std::string type = text_of(shape, "type");
    const Json& places = member(shape, "coordinates");
    if (type == "GeometryCollection") {
      const Json& parts = member(shape, "geometries");
      if (!parts.is_array())
        sink_.refuse(like.id, "its GeometryCollection has no list of geometries");
      for (const Json& part : parts) geometry(part, like);
      return;
    }
    static constexpr std::array<const char*, 6> kTypes = {
        "Polygon", "MultiPolygon", "Point", "MultiPoint", "LineString", "MultiLineString"};
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
      sink_.refuse(like.id, "its geometry \"{}\" is not known", printable_utf8(type));
    if (!places.is_array()) sink_.refuse(like.id, "its {} has no list of coordinates", type);
    if (type == "Polygon") polygon(places, like);
    if (type == "MultiPolygon")
      for (const Json& part : places) polygon(part, like);
    if (type == "Point") plain(RegionKind::kPoint, {vertex(places, like.id)}, like);
    if (type == "MultiPoint") plain(RegionKind::kPoint, vertices(places, like.id), like);
    if (type == "LineString") plain(RegionKind::kLine, vertices(places, like.id), like);
    if (type == "MultiLineString")
      for (const Json& part : places) plain(RegionKind::kLine, vertices(part, like.id), like);
  }

  void polygon(const Json& rings, const Region& like) {
    if (!rings.is_array()) sink_.refuse(like.id, "its polygon has no list of rings");
    Region region = like;
    bool open = false;
    for (const Json& ring : rings) {
      region.rings.push_back(vertices(ring, like.id));
      const auto& last = region.rings.back();
      open = open || (last.size() > 2 && last.front() != last.back());
    }
    if (open) sink_.warn(like.id, "has a ring that does not end where it began; it is closed");
    sink_.add(std::move(region));
  }

  void plain(RegionKind kind, std::vector<Vertex> places, const Region& like) {
    Region region = like;
    region.kind = kind;
    region.rings = {std::move(places)};
    sink_.add(std::move(region));
  }

  std::vector<Vertex> vertices(const Json& list, const std::string& where) {
    if (!list.is_array()) sink_.refuse(where, "has no list of vertices");
    std::vector<Vertex> places;
    places.reserve(list.size());
    for (const Json& one : list) places.push_back(vertex(one, where));
    return places;
  }

  Vertex vertex(const Json& pair, const std::string& where) {
    if (!pair.is_array() || pair.size() < 2 || !pair[0].is_number() || !pair[1].is_number())
      sink_.refuse(where, "{} is no position [x, y]", printable_utf8(pair.dump().substr(0, 40)));
    const Vertex place{pair[0].get<double>(), pair[1].get<double>()};
    sink_.check_vertex(where, place);
    return place;
  }

  RegionSink sink_;
};

}  // namespace

Annotations parse_json_annotations(std::string_view text, const std::string& name) {
  const Json document = parse_shallow(text, name);
  if (document.is_array())
    return JsonReader(name, "GeoJSON", Coordinates::kCorners).read_features(document);
  const std::string type = text_of(document, "type");
  if (type == "FeatureCollection") {
    const Json& features = member(document, "features");
    check(features.is_array(), ErrorCode::kSlide, "{}: the FeatureCollection has no features",
          name);
    return JsonReader(name, "GeoJSON", Coordinates::kCorners).read_features(features);
  }
  if (!type.empty())
    return JsonReader(name, "GeoJSON", Coordinates::kCorners)
        .read_features(Json::array({document}));
  if (document.contains("positive") || document.contains("negative"))
    return JsonReader(name, "CAMELYON JSON", Coordinates::kPixels).read_camelyon(document);
  fail(ErrorCode::kSlide,
       "{}: JSON that is neither GeoJSON (a \"type\") nor CAMELYON's (\"positive\", \"negative\")",
       name);
}

}  // namespace tilepool
