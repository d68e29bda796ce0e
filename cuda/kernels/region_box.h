#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/kernels/region_box.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::measure_boxes: bit-equal. Boxes and labels lie on the device, and so does
/// *count, how many labels there are: the first *count boxes are written, the others stay as they
/// are. No label may be above *count, and *count not above boxes.size().
void measure_boxes(Queue& queue, ImageView<const std::int32_t> labels, const std::int32_t* count,
                   std::span<RegionBox> boxes);

}  // namespace tilepool::gpu
