#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/annotation/outline_raster.h"
#include "common/annotation/region.h"
#include "common/base/image_view.h"
#include "common/model/options.h"

namespace tilepool {

/// The union of the regions that have one of some names, as group or as their own.
///
/// Negative regions cut what is chosen of their group, and only that. Within a group regions are
/// taken from the largest to the smallest (then in the order of the file): a positive one adds, a
/// negative one takes away. So a hole holds against what it is cut from, and an island drawn in a
/// hole counts again. Const and thread-safe.
class RegionMask {
 public:
  /// `regions` must outlive it.
  RegionMask(const std::vector<Region>& regions, std::span<const std::string> names);

  /// Whether no region with an area is chosen.
  [[nodiscard]] bool empty() const { return groups_.empty(); }

  /// Writes 1 into the pixels of the union (see fill_region), leaves the others; false when there
  /// are none near. `scratch` is as large as `part`.
  bool paint(const MaskFrame& frame, const MaskPlace& place, ImageView<std::uint8_t> part,
             ImageView<std::uint8_t> scratch) const;

 private:
  struct Placed {
    const Region* region;
    Bounds bounds;
    double area_px;
  };
  struct Group {
    std::vector<Placed> regions;
    bool negative = false;  ///< one of them is
  };
  std::vector<Group> groups_;
};

/// The classes of a configuration over one slide's regions.
class ClassMask {
 public:
  /// `regions` must outlive it. At most 255 classes.
  ClassMask(const std::vector<Region>& regions, const std::vector<AnnotationClass>& classes);

  /// Writes the index of each pixel's class plus one into `part`, 0 where there is none; of classes
  /// that overlap the last one wins. `scratch` is of width x (2 * height) of `part`.
  void paint_indices(const MaskFrame& frame, const MaskPlace& place, ImageView<std::uint8_t> part,
                     ImageView<std::uint8_t> scratch) const;
  /// The same with the classes' values.
  void paint(const MaskFrame& frame, const MaskPlace& place, ImageView<std::uint8_t> part,
             ImageView<std::uint8_t> scratch) const;

  [[nodiscard]] std::size_t classes() const { return values_.size(); }

 private:
  std::vector<std::uint8_t> values_;
  std::vector<RegionMask> masks_;
};

}  // namespace tilepool
