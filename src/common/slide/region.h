#pragma once

#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool {

void fill_white(RgbView view);

/// The part of `region` that lies in [0, width) x [0, height); w == h == 0 at its corner if none.
[[nodiscard]] Rect clip(const Rect& region, std::int64_t width, std::int64_t height);

/// The part of `a` that lies in `b`; w == h == 0 at the corner of `a` if none.
[[nodiscard]] Rect intersection(const Rect& a, const Rect& b);

/// Whitens all of `out` (which shows `region`) but the part that shows `inside`.
void whiten_outside(RgbView out, const Rect& region, const Rect& inside);

}  // namespace tilepool
