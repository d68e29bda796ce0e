#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/region_box.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Integer measures of one label, from which every shape feature follows.
struct RegionShape {
  std::int64_t area = 0;                ///< pixels
  std::int64_t x = 0, y = 0;            ///< sums of columns and rows, relative to the box
  std::int64_t xx = 0, yy = 0, xy = 0;  ///< sums of products, relative to the box
  std::int64_t box_area = 0;            ///< pixels of the bounding box
  std::int64_t hull_area = 0;           ///< pixels of the convex hull, see below
  std::int64_t straight = 0;            ///< border pixels of weight 1 in the perimeter
  std::int64_t diagonal = 0;            ///< ... of weight sqrt(2)
  std::int64_t mixed = 0;               ///< ... of weight (1 + sqrt(2)) / 2
};

/// Measures the pixels of `label`, which lie in `box`.
/// Hull: pixels whose centre is inside or on the convex hull of the midpoints of all pixel edges
/// of the label (skimage.morphology.convex_hull_image with offset_coordinates).
/// Perimeter classes: Benkrid & Crookes, Design and FPGA implementation of a perimeter estimator
/// (2000), as in skimage.measure.perimeter with neighborhood 4.
[[nodiscard]] RegionShape measure_shape(ImageView<const std::int32_t> labels, std::int32_t label,
                                        const RegionBox& box, Arena& scratch);
/// For a label whose box has this size.
[[nodiscard]] std::size_t measure_shape_scratch_bytes(std::int64_t width, std::int64_t height);

/// Features with the definitions of skimage.measure.regionprops; lengths in pixels.
struct ShapeFeatures {
  double perimeter = 0;
  double circularity = 0;  ///< 4 pi area / perimeter^2; 0 where the perimeter is 0
  double solidity = 0;
  double eccentricity = 0;
  double major_axis = 0;
  double minor_axis = 0;
  double extent = 0;
  double equivalent_diameter = 0;
};
[[nodiscard]] ShapeFeatures shape_features(const RegionShape& shape);

}  // namespace tilepool
