#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/runs.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::label_components: bit-equal. The count stays on the device, in `*count`.
void label_components(Queue& queue, ImageView<const std::uint8_t> mask, Connectivity connectivity,
                      ImageView<std::int32_t> labels, std::int32_t* count);
/// Twin of tilepool::relabel_components: bit-equal. The count stays on the device, in `*count`.
void relabel_components(Queue& queue, ImageView<std::int32_t> labels, Connectivity connectivity,
                        std::int32_t* count);
[[nodiscard]] std::size_t relabel_components_scratch_bytes(std::int64_t width, std::int64_t height);
[[nodiscard]] std::size_t label_components_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool::gpu
