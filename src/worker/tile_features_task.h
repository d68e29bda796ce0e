#pragma once

#include <vector>

#include "common/base/image_view.h"
#include "common/kernels/backend.h"
#include "common/model/result.h"

namespace tilepool {

/// Colour statistics of a tile: mean and population standard deviation of R, G, B, grey (0..255)
/// and H, S, V (0..1) over the core. Needs no micrometres.
[[nodiscard]] TaskSchema tile_features_schema();

/// Appends one row of tile_features_schema() to `out`: of the part `core` of the tile that
/// `backend` has begun; NaN for an empty one.
void tile_features(Backend& backend, const Rect& core, std::vector<float>& out);

}  // namespace tilepool
