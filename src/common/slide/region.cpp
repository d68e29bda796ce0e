#include "common/slide/region.h"

#include <algorithm>
#include <cstring>

namespace tilepool {

void fill_white(RgbView view) {
  for (std::int64_t y = 0; y < view.height; ++y) {
    std::memset(view.row(y), 255, static_cast<std::size_t>(3 * view.width));
  }
}

Rect intersection(const Rect& a, const Rect& b) {
  const std::int64_t x = std::max(a.x, b.x);
  const std::int64_t y = std::max(a.y, b.y);
  const std::int64_t w = std::min(a.x + a.w, b.x + b.w) - x;
  const std::int64_t h = std::min(a.y + a.h, b.y + b.h) - y;
  return w > 0 && h > 0 ? Rect{x, y, w, h} : Rect{a.x, a.y, 0, 0};
}

Rect clip(const Rect& region, std::int64_t width, std::int64_t height) {
  return intersection(region, {0, 0, width, height});
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
