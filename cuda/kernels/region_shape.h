#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/kernels/region_shape.h"
#include "cuda/kernels/regions.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::measure_shape for a list of labels: bit-equal. shapes[i] is that of entry i.
/// `rows` is at least the sum of the heights of the boxes.
void measure_shape(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                   std::int64_t rows, std::span<RegionShape> shapes);
[[nodiscard]] std::size_t measure_shape_scratch_bytes(std::size_t regions, std::int64_t rows);

}  // namespace tilepool::gpu
