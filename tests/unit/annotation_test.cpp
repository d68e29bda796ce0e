#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <tuple>

#include <gtest/gtest.h>

#include "common/annotation/annotations.h"
#include "common/annotation/region_mask.h"
#include "support/annotation_samples.h"
#include "support/error_of.h"

namespace tilepool {
namespace {

using testing::error_of;

/// 1000 x 800 px of 0.5 um, scanned with its centre 1000 nm right of and 2000 nm below the slide's.
SlideInfo hamamatsu() {
  SlideInfo slide;
  slide.width = 1000;
  slide.height = 800;
  slide.mpp_x = slide.mpp_y = 0.5;
  slide.centre_offset_x_nm = 1000;
  slide.centre_offset_y_nm = 2000;
  return slide;
}

Annotations parse(std::string_view text) { return parse_annotations(text, "file", hamamatsu()); }

std::string refusal(std::string_view text) {
  return error_of([&] { (void)parse_annotations(text, "file", std::nullopt); }).what();
}

std::vector<std::uint8_t> paint(const std::vector<Region>& regions,
                                const std::vector<AnnotationClass>& classes, std::int64_t width,
                                std::int64_t height, std::int64_t band_rows) {
  const ClassMask mask(regions, classes);
  std::vector<std::uint8_t> labels(static_cast<std::size_t>(width * height), 99);
  std::vector<std::uint8_t> scratch(static_cast<std::size_t>(2 * width * band_rows));
  for (std::int64_t y = 0; y < height; y += band_rows) {
    const std::int64_t rows = std::min(band_rows, height - y);
    mask.paint({}, {0, y}, {labels.data() + y * width, width, rows, width},
               {scratch.data(), width, 2 * rows, width});
  }
  return labels;
}

std::size_t count(const std::vector<std::uint8_t>& labels, std::uint8_t value) {
  return static_cast<std::size_t>(std::count(labels.begin(), labels.end(), value));
}

TEST(ReadAnnotations, TellsTheFormatByTheContent) {
  const std::vector<std::tuple<std::string_view, std::string, std::size_t>> expected = {
      {testing::kImageScope, "ImageScope XML", 5},
      {testing::kHalo, "HALO XML", 3},
      {testing::kAsap, "ASAP XML", 3},
      {testing::kNdpa, "NDPA", 3},
      {testing::kGeoJson, "GeoJSON", 4},
      {testing::kCamelyon, "CAMELYON JSON", 2}};
  for (const auto& [text, format, regions] : expected) {
    const Annotations found = parse(text);
    EXPECT_EQ(found.format, format);
    EXPECT_EQ(found.regions.size(), regions) << format;
  }
}

TEST(ReadAnnotations, ImageScopeLayersShapesAndHoles) {
  const Annotations found = parse(testing::kImageScope);
  EXPECT_EQ(found.regions[0].group, "Tumor");
  EXPECT_EQ(found.regions[0].name, "first");
  EXPECT_EQ(found.regions[0].kind, RegionKind::kBox);
  EXPECT_TRUE(found.regions[1].negative);
  EXPECT_EQ(found.regions[3].group, "Stroma");
  EXPECT_EQ(found.regions[3].name, "");  // "null" is no name
  EXPECT_EQ(found.regions[3].kind, RegionKind::kEllipse);
  EXPECT_NEAR(region_area_px(found.regions[3]), std::numbers::pi * 20 * 10, 2);
  EXPECT_EQ(found.regions[4].kind, RegionKind::kLine);
  // The line has no area, and two vertices enclose nothing.
  ASSERT_EQ(found.warnings.size(), 2U);
  EXPECT_NE(found.warnings[1].find("enclose nothing"), std::string::npos);
  EXPECT_EQ(region_names(found), (std::vector<std::string>{"Stroma", "Tumor", "first", "hole"}));
}

TEST(ReadAnnotations, EllipsesByAxisEndsAndByCorners) {
  const auto file = [](const char* vertices) {
    return std::string(
               "<Annotations><Annotation Name='a'><Regions><Region Type='0' "
               "GeoShape='Ellipse'><Vertices>") +
           vertices + "</Vertices></Region></Regions></Annotation></Annotations>";
  };
  const double area = std::numbers::pi * 30 * 10;
  const Annotations ends =
      parse(file("<Vertex X='50' Y='10'/><Vertex X='80' Y='20'/>"
                 "<Vertex X='50' Y='30'/><Vertex X='20' Y='20'/>"));
  EXPECT_NEAR(region_area_px(ends.regions[0]), area, 2);
  const Annotations corners =
      parse(file("<Vertex X='20' Y='10'/><Vertex X='80' Y='10'/>"
                 "<Vertex X='80' Y='30'/><Vertex X='20' Y='30'/>"));
  EXPECT_NEAR(region_area_px(corners.regions[0]), area, 2);
  const Annotations two = parse(file("<Vertex X='80' Y='30'/><Vertex X='20' Y='10'/>"));
  EXPECT_NEAR(region_area_px(two.regions[0]), area, 2);
}

TEST(ReadAnnotations, AsapOrdersVerticesAndNamesGroups) {
  const Annotations found = parse(testing::kAsap);
  EXPECT_EQ(found.regions[0].rings[0],
            (std::vector<Vertex>{{10.5, 20.5}, {50.5, 20.5}, {50.5, 60.5}, {10.5, 60.5}}));
  EXPECT_EQ(found.regions[1].group, "");  // "None"
  EXPECT_EQ(found.regions[1].kind, RegionKind::kPoint);
  ASSERT_EQ(found.warnings.size(), 2U);
  EXPECT_NE(found.warnings[1].find("spline"), std::string::npos);
}

TEST(ReadAnnotations, NdpaCountsFromTheSlidesCentre) {
  const Annotations found = parse(testing::kNdpa);
  // x: (-10000 - 1000) nm / 500 nm + 500 px; y: (-20000 - 2000) / 500 + 400.
  EXPECT_EQ(found.regions[0].rings[0], (std::vector<Vertex>{{478, 356}, {518, 356}, {518, 436}}));
  EXPECT_NEAR(region_area_px(found.regions[1]), std::numbers::pi * 100, 2);
  EXPECT_EQ(found.regions[2].kind, RegionKind::kLine);
  EXPECT_EQ(found.warnings.size(), 2U);
}

TEST(ReadAnnotations, NdpaIsRefusedWithoutWhatItNeeds) {
  EXPECT_NE(refusal(testing::kNdpa).find("name the slide"), std::string::npos);
  SlideInfo slide = hamamatsu();
  slide.mpp_x = std::numeric_limits<double>::quiet_NaN();
  const auto why = [&] {
    return std::string(
        error_of([&] { (void)parse_annotations(testing::kNdpa, "file", slide); }).what());
  };
  EXPECT_NE(why().find("mpp"), std::string::npos);
  slide = hamamatsu();
  slide.centre_offset_y_nm = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(why().find("hamamatsu.XOffsetFromSlideCentre"), std::string::npos);
}

TEST(ReadAnnotations, GeoJsonClassesHolesAndParts) {
  const Annotations found = parse(testing::kGeoJson);
  EXPECT_EQ(found.regions[0].rings.size(), 2U);
  EXPECT_EQ(region_area_px(found.regions[0]), 1600 - 100);
  EXPECT_EQ(found.regions[1].group, "Stroma");
  EXPECT_EQ(found.regions[2].group, "Stroma");
  EXPECT_EQ(found.regions[3].name, "spot");
  EXPECT_EQ(found.regions[3].group, "Other");
  // The second part's ring is open, points have no area, one feature has no geometry.
  EXPECT_EQ(found.warnings.size(), 3U);
  const Annotations bare =
      parse(R"([{"type":"Feature","properties":{"classification":"T"},"geometry":
            {"type":"GeometryCollection","geometries":[
             {"type":"Polygon","coordinates":[[[0,0],[2,0],[2,2],[0,0]]]},
             {"type":"LineString","coordinates":[[0,0],[2,0]]}]}}])");
  EXPECT_EQ(bare.regions.size(), 2U);
  EXPECT_EQ(bare.regions[0].group, "T");
  EXPECT_EQ(parse(R"({"type":"Point","coordinates":[3,4]})").regions[0].kind, RegionKind::kPoint);
}

TEST(ReadAnnotations, OtherEncodings) {
  std::string wide = "\xFF\xFE";
  for (const char c : testing::kImageScope) wide += {c, '\0'};
  const auto no_declaration = wide.find('\n');  // it says UTF-8
  wide.erase(2, no_declaration - 2 + 2);
  EXPECT_EQ(parse(wide).regions.size(), 5U);
  EXPECT_EQ(parse("\xEF\xBB\xBF \n" + std::string(testing::kCamelyon)).regions.size(), 2U);
  const Annotations latin = parse(
      "<Annotations><Annotation Name='T\xFC'><Regions><Region Type='0'><Vertices><V X='1' Y='1'/>"
      "<V X='5' Y='1'/><V X='5' Y='5'/></Vertices></Region></Regions></Annotation></Annotations>");
  EXPECT_EQ(latin.regions[0].group, "T_");
  EXPECT_NE(latin.warnings[0].find("no text"), std::string::npos);
  EXPECT_NE(refusal("{\"positive\": [{\"name\": \"T\xFC\"}]}").find("malformed JSON"),
            std::string::npos);
}

TEST(ReadAnnotations, MalformedFilesAreRefusedByNameAndPlace) {
  const auto scope = [](const char* region) {
    return std::string("<Annotations><Annotation Name='a'><Regions>") + region +
           "</Regions></Annotation></Annotations>";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "file: is empty"},
      {"   \n", "file: is empty"},
      {"version https://git-lfs.github.com/spec/v1\n", "git-LFS pointer"},
      {"x,y\n1,2\n", "neither XML nor JSON, it begins with \"x,y"},
      {"<Annotations>\n<Annotation>\n</Annotations>", "malformed XML at line 3"},
      {"<svg></svg>", "root <svg>"},
      {"{\"a\": 1}", "neither GeoJSON"},
      {"{\"type\": \"FeatureCollection\"}", "has no features"},
      {"{\"type\": \"Feature\", \"geometry\": {\"type\": \"Blob\", \"coordinates\": []}}",
       "features[0]: its geometry \"Blob\" is not known"},
      {"[{\"type\": \"Polygon\", \"coordinates\": [[[0, 0], [1, \"a\"]]]}]",
       "features[0]: [1,\"a\"] is no position"},
      {"[{\"type\": \"Polygon\", \"coordinates\": [[[0, 1e300]]]}]", "is on no slide"},
      {"[{\"type\": \"Polygon\", \"coordinates\": [[[0, 1e999]]]}]", "malformed JSON"},
      {"{\"positive\": 3}", "positive: is no list"},
      {"{\"positive\": [{\"name\": \"a\"}]}", "positive[0]: has no list of vertices"},
      {std::string(100, '['), "nested more than"},
      {scope("<Region Id='7' Type='0'><Vertices><Vertex X='1'/></Vertices></Region>"),
       "layer 1 \"a\", region 7: <Vertex> has no Y"},
      {scope("<Region Type='0'><Vertices><Vertex X='1,5' Y='2'/></Vertices></Region>"),
       "X=\"1,5\" is no number"},
      {scope("<Region Type='0'><Vertices><Vertex X='nan' Y='2'/></Vertices></Region>"),
       "is on no slide"},
      {scope("<Region Type='0'><Vertices><Vertex X='inf' Y='2'/></Vertices></Region>"),
       "is on no slide"},
      {scope("<Region Type='9'><Vertices><Vertex X='1' Y='2'/></Vertices></Region>"),
       "its type \"9\" is not known"}};
  for (const auto& [text, message] : cases)
    EXPECT_NE(refusal(text).find(message), std::string::npos) << text << "\n" << refusal(text);
  const Error error = error_of([] { (void)parse_annotations("", "file", std::nullopt); });
  EXPECT_EQ(error.code(), ErrorCode::kSlide);
  EXPECT_EQ(error_of([] { (void)read_annotations("/no/such.xml", std::nullopt); }).code(),
            ErrorCode::kNoInput);
  EXPECT_EQ(error_of([] { (void)read_annotations("/tmp", std::nullopt); }).code(),
            ErrorCode::kSlide);
}

TEST(ReadAnnotations, WarningsAreBounded) {
  std::string text = "[";
  for (int i = 0; i < 300; ++i)
    text += std::string(i == 0 ? "" : ",") + R"({"type":"Point","coordinates":[1,1]})";
  const Annotations found = parse(text + "]");
  EXPECT_EQ(found.regions.size(), 300U);
  EXPECT_EQ(found.warnings.size(), 101U);
  EXPECT_EQ(found.warnings.back(), "and 200 more like these");
}

TEST(RegionMask, HolesCutTheirGroupAndIslandsComeBack) {
  const Annotations found = parse(testing::kImageScope);
  const auto labels = paint(found.regions, {{"Tumor", 7}}, 64, 64, 64);
  // Pixels 10..50 x 20..60 without 20..30 x 30..40 and with 22..26 x 32..36.
  EXPECT_EQ(count(labels, 7), 41U * 41U - 11U * 11U + 5U * 5U);
  EXPECT_EQ(labels[20 * 64 + 10], 7);  // its first pixel
  EXPECT_EQ(labels[60 * 64 + 50], 7);  // its last
  EXPECT_EQ(labels[61 * 64 + 10], 0);  // below its last row
  EXPECT_EQ(labels[31 * 64 + 21], 0);  // in the hole
  EXPECT_EQ(labels[33 * 64 + 23], 7);  // on the island
  // A hole holds against all that is chosen of its group, and no other.
  EXPECT_EQ(count(paint(found.regions, {{"first", 1}}, 64, 64, 64), 1), 41U * 41U - 11U * 11U);
  EXPECT_EQ(count(paint(parse(testing::kCamelyon).regions, {{"positive", 1}}, 64, 64, 64), 1),
            41U * 41U - 11U * 11U);
  // GeoJSON counts from pixel corners.
  EXPECT_EQ(count(paint(parse(testing::kGeoJson).regions, {{"Tumor", 1}}, 64, 64, 64), 1), 1500U);
}

TEST(RegionMask, TheLastOfOverlappingClassesWins) {
  std::vector<Region> regions(2);
  regions[0].group = "a";
  regions[0].rings = {box_ring({0, 0}, {10, 10})};
  regions[1].group = "b";
  regions[1].rings = {box_ring({5, 0}, {15, 10})};
  const auto ab = paint(regions, {{"a", 1}, {"b", 2}}, 20, 10, 3);
  EXPECT_EQ(count(ab, 1), 50U);
  EXPECT_EQ(count(ab, 2), 100U);
  const auto ba = paint(regions, {{"b", 2}, {"a", 1}}, 20, 10, 3);
  EXPECT_EQ(count(ba, 1), 100U);
  EXPECT_EQ(count(ba, 2), 50U);
}

TEST(RegionMask, NeighboursShareNoPixelAndLeaveNone) {
  // A square cut into triangles that meet at a point of no special place.
  std::mt19937 random(5);
  std::uniform_real_distribution<double> place(3, 37);
  for (int round = 0; round < 50; ++round) {
    const Vertex middle{place(random), place(random)};
    const auto corners = box_ring({0, 0}, {40, 40});
    std::vector<int> covered(1600, 0);
    for (std::size_t i = 0; i < 4; ++i) {
      std::vector<Region> one(1);
      one[0].group = "t";
      one[0].rings = {{corners[i], corners[(i + 1) % 4], middle}};
      const auto labels = paint(one, {{"t", 1}}, 40, 40, 40);
      for (std::size_t p = 0; p < labels.size(); ++p) covered[p] += labels[p];
    }
    EXPECT_EQ(std::count(covered.begin(), covered.end(), 1), 1600);
  }
}

TEST(RegionMask, ABandGivesWhatTheWholeGives) {
  std::mt19937 random(6);
  std::uniform_real_distribution<double> place(-20, 120);
  std::vector<Region> regions(6);
  for (std::size_t i = 0; i < regions.size(); ++i) {
    regions[i].group = i % 2 == 0 ? "a" : "b";
    regions[i].negative = i == 4;
    regions[i].closed = i == 1;
    for (int ring = 0; ring < 2; ++ring) {
      auto& vertices = regions[i].rings.emplace_back();
      for (int v = 0; v < 7; ++v) vertices.push_back({place(random), place(random)});
    }
  }
  const std::vector<AnnotationClass> classes = {{"a", 1}, {"b", 2}};
  const auto whole = paint(regions, classes, 100, 90, 90);
  for (const std::int64_t rows : {1, 7, 32})
    EXPECT_EQ(paint(regions, classes, 100, 90, rows), whole);
  // A part from another column on, too.
  const ClassMask mask(regions, classes);
  std::vector<std::uint8_t> part(30 * 20), scratch(2 * 30 * 20);
  mask.paint({}, {41, 33}, {part.data(), 30, 20, 30}, {scratch.data(), 30, 40, 30});
  for (std::size_t y = 0; y < 20; ++y)
    for (std::size_t x = 0; x < 30; ++x)
      EXPECT_EQ(part[y * 30 + x], whole[(y + 33) * 100 + x + 41]);
}

TEST(RegionMask, OutlinesThatCrossThemselvesHaveNoGaps) {
  std::vector<Region> star(1);
  star[0].group = "s";
  star[0].rings = {{}};
  for (int i = 0; i < 5; ++i) {  // a pentagram: even-odd would leave its middle out
    const double t = 4 * std::numbers::pi * i / 5;
    star[0].rings[0].push_back({50 + 40 * std::sin(t), 50 - 40 * std::cos(t)});
  }
  EXPECT_EQ(paint(star, {{"s", 1}}, 100, 100, 100)[50 * 100 + 50], 1);
}

TEST(RegionMask, HugeAndDistantRegionsAreClipped) {
  std::vector<Region> regions(1);
  regions[0].group = "h";
  const double far = 1 << 26;
  regions[0].rings = {box_ring({-far, -far}, {far, far})};
  EXPECT_EQ(count(paint(regions, {{"h", 3}}, 33, 17, 5), 3), 33U * 17U);
  regions[0].rings = {box_ring({far - 5, 0}, {far, far})};
  EXPECT_EQ(count(paint(regions, {{"h", 3}}, 33, 17, 5), 3), 0U);
}

}  // namespace
}  // namespace tilepool
