#pragma once

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

}  // namespace tilepool
