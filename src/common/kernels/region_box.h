#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"

namespace tilepool {

/// Where a label lies and how much of it there is. Pixel columns and rows of the label plane.
struct RegionBox {
  std::int32_t x_begin, y_begin, x_end, y_end;  ///< half-open bounding box
  std::int32_t first_x;                         ///< column of the first pixel of row y_begin
  std::int32_t area;                            ///< pixels
  std::int64_t sum_x, sum_y;                    ///< sums of pixel columns and rows
};

/// Fills boxes[label - 1] for labels 1..boxes.size(); a label without pixels has area 0.
void measure_boxes(ImageView<const std::int32_t> labels, std::span<RegionBox> boxes);

}  // namespace tilepool
