#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/annotation/annotations.h"
#include "common/base/error.h"

namespace tilepool {

/// What whole numbers mean in a format: the corner of a pixel (a measure of length), or the pixel
/// itself, so that an outline goes through the centres of pixels and holds them.
enum class Coordinates { kCorners, kPixels };

/// Takes what a reader of one format finds, and keeps the rules that hold for all of them.
class RegionSink {
 public:
  /// `name`: the file's, in messages.
  RegionSink(std::string name, std::string format, Coordinates coordinates);

  /// Throws Error(kSlide): "NAME: WHERE: what".
  template <class... Args>
  [[noreturn]] void refuse(std::string_view where, fmt::format_string<Args...> format,
                           Args&&... args) const {
    throw_refusal(where, fmt::format(format, std::forward<Args>(args)...));
  }
  void warn(std::string_view where, std::string_view what);

  /// A number as files write it: digits, a point, an exponent. Throws when `text` is anything else.
  [[nodiscard]] double number(std::string_view where, std::string_view what,
                              std::string_view text) const;
  /// Counts a vertex; throws when a coordinate is not finite or no slide is as large.
  void check_vertex(std::string_view where, Vertex vertex);

  /// Keeps a region whose vertices were checked. One without an area is kept with a warning when it
  /// is a point or a line, left out with one when it is an outline of less than three vertices.
  void add(Region region);

  [[nodiscard]] Annotations finish();

 private:
  [[noreturn]] void throw_refusal(std::string_view where, const std::string& what) const;
  std::string clean(std::string_view where, const std::string& text);

  std::string name_;
  double offset_px_;  ///< of the format's whole numbers from pixel corners
  Annotations found_;
  std::size_t vertices_ = 0;
  std::size_t unsaid_ = 0;  ///< warnings beyond the first hundred
};

/// A four-cornered or two-cornered shape as programs write it: two opposite corners, the four
/// corners in order, or (ellipses) the four ends of the axes in order.
[[nodiscard]] std::vector<Vertex> box_from(const std::vector<Vertex>& vertices);
[[nodiscard]] std::vector<Vertex> ellipse_from(const std::vector<Vertex>& vertices);

/// Reads XML of ImageScope, HALO, ASAP or NDP.view; throws as read_annotations does.
[[nodiscard]] Annotations parse_xml_annotations(std::string_view text, const std::string& name,
                                                const std::optional<SlideInfo>& slide);
/// Reads GeoJSON or the JSON of CAMELYON; throws as read_annotations does.
[[nodiscard]] Annotations parse_json_annotations(std::string_view text, const std::string& name);

}  // namespace tilepool
