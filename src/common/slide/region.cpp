#include "common/slide/region.h"

#include <algorithm>
#include <cstring>

namespace tilepool {

void fill_white(RgbView view) {
  for (std::int64_t y = 0; y < view.height; ++y) {
    std::memset(view.row(y), 255, static_cast<std::size_t>(3 * view.width));
  }
}

Rect clip(const Rect& region, std::int64_t width, std::int64_t height) {
  const std::int64_t x0 = std::max<std::int64_t>(region.x, 0);
  const std::int64_t y0 = std::max<std::int64_t>(region.y, 0);
  const std::int64_t x1 = std::min(region.x + region.w, width);
  const std::int64_t y1 = std::min(region.y + region.h, height);
  if (x1 <= x0 || y1 <= y0) return {region.x, region.y, 0, 0};
  return {x0, y0, x1 - x0, y1 - y0};
}

void whiten_outside(RgbView out, const Rect& region, const Rect& inside) {
  const std::int64_t left = inside.x - region.x;
  const std::int64_t top = inside.y - region.y;
  const std::int64_t right = left + inside.w;
  const std::int64_t bottom = top + inside.h;
  fill_white(out.window(0, 0, out.width, top));
  fill_white(out.window(0, bottom, out.width, out.height - bottom));
  fill_white(out.window(0, top, left, inside.h));
  fill_white(out.window(right, top, out.width - right, inside.h));
}

}  // namespace tilepool
