#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/morphology.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twins of tilepool::erode, dilate and open: bit-equal. `out` may be `in`.
void erode(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
           ImageView<std::uint8_t> out);
void dilate(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
            ImageView<std::uint8_t> out);
void open(Queue& queue, ImageView<const std::uint8_t> in, const Disk& disk,
          ImageView<std::uint8_t> out);
[[nodiscard]] std::size_t morphology_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
