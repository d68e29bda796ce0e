#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/morphology.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::grow_labels: bit-equal.
void grow_labels(Queue& queue, ImageView<std::int32_t> labels, const Disk& disk);
[[nodiscard]] std::size_t grow_labels_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
