#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/kernels/contour.h"
#include "cuda/kernels/regions.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::trace_contour for a list of labels, in two steps, since only tracing tells how
/// many points there are: begins[i] is where the ring of entry i begins in the list of points, and
/// begins.back() how many points there are. One more begin than labels. Rings begin at the box's
/// first pixel.
void count_contours(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                    std::span<std::int64_t> begins);
[[nodiscard]] std::size_t count_contours_scratch_bytes(std::size_t regions);

/// The second step: points[begins[i]] up to points[begins[i + 1]] are bit-equal to the ring of
/// entry i. All on the device.
void trace_contours(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                    std::span<const std::int64_t> begins, std::span<HalfPixel> points);

}  // namespace tilepool::gpu
