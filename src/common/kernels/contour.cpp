#include "common/kernels/contour.h"

#include "common/kernels/contour_walk.h"

namespace tilepool {

void trace_contour(ImageView<const std::int32_t> labels, std::int32_t label, std::int64_t x,
                   std::int64_t y, std::vector<HalfPixel>& out) {
  out.clear();
  walk_contour(labels, label, x, y, [&](const HalfPixel& point) { out.push_back(point); });
}

}  // namespace tilepool
