#pragma once

#include <cstddef>

#include "common/base/image_view.h"
#include "common/kernels/normalise_stain.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::normalise_stain: bit-equal, in place. `map` lies on the host and must stay
/// until the queue was waited for.
void normalise_stain(Queue& queue, RgbView rgb, const StainMap& map);
[[nodiscard]] std::size_t normalise_stain_scratch_bytes();

}  // namespace tilepool::gpu
