#include "common/slide/source.h"

#include <cmath>

#include "common/base/error.h"

namespace tilepool {

void SlideSource::read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out) {
  const std::int64_t step =
      std::llround(info().levels.at(static_cast<std::size_t>(level)).downsample);
  check(x0 % step == 0 && y0 % step == 0, ErrorCode::kInternal,
        "level-0 ({}, {}) is no pixel's corner on level {}", x0, y0, level);
  read(level, x0 / step, y0 / step, out);
}

void SlideSource::expect(int /*level*/, std::span<const Rect> /*regions*/) {}

}  // namespace tilepool
