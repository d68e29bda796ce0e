#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/image_view.h"
#include "common/memory/budget.h"
#include "common/slide/source.h"
#include "worker/scan_geometry.h"

namespace tilepool {

/// Parts of the scan image that could not be read, in scan pixels, and why the first of them.
struct ScanDamage {
  std::vector<Rect> parts;
  std::string reason;
};

/// Reads the slide into `out` (geometry.width x height), box-averaged, block by block: at most 13
/// MB besides `out`, also for a slide without a pyramid. A block that cannot be read is cut up
/// until the damage is enclosed; damaged parts are white. Throws Error(kSlide) with the reader's
/// reason when half of the slide or more cannot be read, or damage is all over it.
[[nodiscard]] ScanDamage read_scan_image(SlideSource& source, const ScanGeometry& geometry,
                                         RgbView out, Budget& budget);

/// The edge of those blocks in scan pixels.
[[nodiscard]] std::int64_t scan_block_edge(const ScanGeometry& geometry);

/// The same for the rows [y, y + out.height) alone, y a multiple of scan_block_edge: the same
/// pixels and the same damage, its parts counted from the first of these rows. Stops at as many
/// parts as are too many for a slide.
[[nodiscard]] ScanDamage read_scan_rows(SlideSource& source, const ScanGeometry& geometry,
                                        std::int64_t y, RgbView out, Budget& budget);

/// Throws Error(kSlide) with the reason when so much damage is too much for one slide.
void check_damage(const ScanDamage& damage, const ScanGeometry& geometry);

}  // namespace tilepool
