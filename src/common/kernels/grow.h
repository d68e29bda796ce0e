#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/morphology.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Gives each 0 pixel that lies in the disk around a labelled pixel the label of the nearest one;
/// equal distances: the smallest label. In place; labels >= 0.
void grow_labels(ImageView<std::int32_t> labels, const Disk& disk, Arena& scratch);
[[nodiscard]] std::size_t grow_labels_scratch_bytes(std::int64_t width, std::int64_t height,
                                                    const Disk& disk);

}  // namespace tilepool
