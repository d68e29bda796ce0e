#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Sets to 1 every piece of zeros (4-connected) of at most `max_area_px` pixels that does not
/// touch the image's border. In place.
void fill_holes(ImageView<std::uint8_t> mask, std::int64_t max_area_px, Arena& scratch);
[[nodiscard]] std::size_t fill_holes_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
