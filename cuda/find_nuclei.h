#pragma once

#include <cstddef>
#include <cstdint>

#include "common/kernels/segment_plan.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::find_nuclei: bit-equal. `rgb`, `plane` and `mask` lie on the device.
void find_nuclei(Queue& queue, ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                 ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask);
/// For any plan.
[[nodiscard]] std::size_t find_nuclei_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
