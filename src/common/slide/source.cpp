#include "common/slide/source.h"

namespace tilepool {

void SlideSource::expect(int /*level*/, std::span<const Rect> /*regions*/) {}

}  // namespace tilepool
