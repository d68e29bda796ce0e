#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// Clears every piece of tissue (8-connected ones) of less than `min_area_px` pixels, and every
/// piece without a pixel that is 1 in `seeds` (same size as mask): with an erosion as seeds that
/// is an opening by reconstruction, which drops lines and specks and keeps the rest whole.
/// skimage.morphology.remove_small_objects(mask, min_area_px, connectivity=2) when all seeds are 1.
void keep_regions(ImageView<std::uint8_t> mask, std::int64_t min_area_px,
                  ImageView<const std::uint8_t> seeds, Arena& scratch);

/// Sets every piece of background (4-connected zeros) of less than `max_area_px` pixels, those at
/// the image's edge included: skimage.morphology.remove_small_holes(mask, max_area_px).
void fill_background(ImageView<std::uint8_t> mask, std::int64_t max_area_px, Arena& scratch);

[[nodiscard]] std::size_t regions_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
