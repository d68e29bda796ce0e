#pragma once

#include <array>
#include <string_view>

/// A small file of each format of annotations, written by hand after the programs' own files. All
/// but NDPA show the box (10, 20) to (50, 60) in group "Tumor".
namespace tilepool::testing {

inline constexpr std::string_view kImageScope = R"(<?xml version="1.0" encoding="UTF-8"?>
<Annotations MicronsPerPixel="0.25">
  <Annotation Id="1" Name="Tumor" Type="4">
    <Regions>
      <Region Id="1" Type="1" Text="first" NegativeROA="0"><Vertices>
        <Vertex X="10.0" Y="20.0" Z="0"/><Vertex X="50" Y="20" Z="0"/>
        <Vertex X="50" Y="60" Z="0"/><Vertex X="10" Y="60" Z="0"/>
      </Vertices></Region>
      <Region Id="2" Type="0" Text="hole" NegativeROA="1"><Vertices>
        <Vertex X="20" Y="30"/><Vertex X="30" Y="30"/><Vertex X="30" Y="40"/><Vertex X="20" Y="40"/>
      </Vertices></Region>
      <Region Id="3" Type="0" NegativeROA="0"><Vertices>
        <Vertex X="22" Y="32"/><Vertex X="26" Y="32"/><Vertex X="26" Y="36"/><Vertex X="22" Y="36"/>
      </Vertices></Region>
    </Regions>
  </Annotation>
  <Annotation Id="2" Name=""><Attributes><Attribute Name="Stroma" Value=""/></Attributes><Regions>
    <Region Id="1" Type="2" Text="null"><Vertices>
      <Vertex X="100" Y="100"/><Vertex X="140" Y="100"/><Vertex X="140" Y="120"/>
      <Vertex X="100" Y="120"/></Vertices></Region>
    <Region Id="2" Type="4"><Vertices><Vertex X="1" Y="1"/><Vertex X="9" Y="9"/></Vertices></Region>
    <Region Id="3" Type="0"><Vertices><Vertex X="1" Y="1"/><Vertex X="9" Y="9"/></Vertices></Region>
  </Regions></Annotation>
</Annotations>
)";

inline constexpr std::string_view kHalo = R"(<Annotations>
  <Annotation LineColor="255" Name="Tumor" Visible="True"><Regions>
    <Region Type="Rectangle" HasEndcaps="0" NegativeROA="0"><Vertices>
      <V X="10" Y="20" /><V X="50" Y="60" /></Vertices><Comments /></Region>
    <Region Type="Ellipse" HasEndcaps="0" NegativeROA="1"><Vertices>
      <V X="20" Y="30" /><V X="40" Y="50" /></Vertices></Region>
    <Region Type="Ruler" HasEndcaps="1" NegativeROA="0"><Vertices>
      <V X="0" Y="0" /><V X="40" Y="50" /></Vertices></Region>
  </Regions></Annotation>
</Annotations>
)";

inline constexpr std::string_view kAsap = R"(<?xml version="1.0"?>
<ASAP_Annotations><Annotations>
  <Annotation Name="A 0" Type="Polygon" PartOfGroup="Tumor" Color="#F4FA58"><Coordinates>
    <Coordinate Order="1" X="50" Y="20" /><Coordinate Order="0" X="10" Y="20" />
    <Coordinate Order="2" X="50" Y="60" /><Coordinate Order="3" X="10" Y="60" />
  </Coordinates></Annotation>
  <Annotation Name="A 1" Type="Dot" PartOfGroup="None"><Coordinates>
    <Coordinate Order="0" X="5" Y="6" /></Coordinates></Annotation>
  <Annotation Name="A 2" Type="Spline" PartOfGroup="Stroma"><Coordinates>
    <Coordinate Order="0" X="0" Y="0" /><Coordinate Order="1" X="8" Y="0" />
    <Coordinate Order="2" X="0" Y="8" /></Coordinates></Annotation>
</Annotations><AnnotationGroups>
  <Group Name="Tumor" PartOfGroup="None" Color="#64FE2E"><Attributes /></Group>
</AnnotationGroups></ASAP_Annotations>
)";

inline constexpr std::string_view kNdpa = R"(<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<annotations>
  <ndpviewstate id="1"><title>Tumor</title><details>closed</details>
    <annotation type="freehand"><closed>1</closed><pointlist>
      <point><x>-10000</x><y>-20000</y></point><point><x>10000</x><y>-20000</y></point>
      <point><x>10000</x><y>20000</y></point></pointlist></annotation></ndpviewstate>
  <ndpviewstate id="2"><title>Ring</title>
    <annotation type="circle"><x>0</x><y>0</y><radius>5000</radius></annotation></ndpviewstate>
  <ndpviewstate id="3"><title>Margin</title>
    <annotation type="freehand"><closed>0</closed><pointlist>
      <point><x>0</x><y>0</y></point><point><x>9</x><y>9</y></point></pointlist></annotation>
  </ndpviewstate>
  <ndpviewstate id="4"><title>Empty</title><annotation type="unknown" /></ndpviewstate>
</annotations>
)";

inline constexpr std::string_view kGeoJson = R"({"type": "FeatureCollection", "features": [
  {"type": "Feature", "geometry": {"type": "Polygon", "coordinates":
     [[[10,20],[50,20],[50,60],[10,60],[10,20]], [[20,30],[30,30],[30,40],[20,40],[20,30]]]},
   "properties": {"objectType": "annotation", "name": "first",
                  "classification": {"name": "Tumor", "color": [200, 0, 0]}}},
  {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates":
     [[[[0,0],[4,0],[4,4],[0,0]]], [[[8,8],[12,8],[12,12]]]]},
   "properties": {"classification": {"names": ["Stroma", "Positive"]}}},
  {"type": "Feature", "geometry": {"type": "MultiPoint", "coordinates": [[1,2],[3,4]]},
   "properties": {"label": "spot", "group": "Other"}},
  {"type": "Feature", "geometry": null, "properties": {}}]}
)";

inline constexpr std::string_view kCamelyon =
    R"({"positive": [{"name": "_0", "vertices": [[10,20],[50,20],[50,60],[10,60]]}],
 "negative": [{"name": "_1", "vertices": [[20,30],[30,30],[30,40],[20,40]]}]}
)";

struct AnnotationSample {
  const char* name;
  std::string_view text;
};
inline constexpr std::array<AnnotationSample, 6> kAnnotationSamples = {{{"imagescope", kImageScope},
                                                                        {"halo", kHalo},
                                                                        {"asap", kAsap},
                                                                        {"ndpa", kNdpa},
                                                                        {"geojson", kGeoJson},
                                                                        {"camelyon", kCamelyon}}};

}  // namespace tilepool::testing
