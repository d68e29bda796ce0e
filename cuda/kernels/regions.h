#pragma once

#include <cstdint>
#include <span>

#include "common/kernels/region_box.h"

namespace tilepool::gpu {

/// Labels to measure, in any order, with the box of each (measure_boxes). On the device; as many
/// of one as of the other.
struct Regions {
  std::span<const std::int32_t> labels;
  std::span<const RegionBox> boxes;
};

}  // namespace tilepool::gpu
