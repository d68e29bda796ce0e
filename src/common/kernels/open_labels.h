#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/morphology.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Opens every label by the disk on its own: a pixel keeps its label where some disk that lies
/// wholly in the label covers it, else it becomes 0. Pixels outside the image belong to every
/// label. In place; labels >= 0. A label may fall into pieces or vanish.
void open_labels(ImageView<std::int32_t> labels, const Disk& disk, Arena& scratch);
[[nodiscard]] std::size_t open_labels_scratch_bytes(std::int64_t width, std::int64_t height,
                                                    const Disk& disk);

}  // namespace tilepool
