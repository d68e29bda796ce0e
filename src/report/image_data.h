#pragma once

#include <cstdint>
#include <vector>

#include "common/base/small_image.h"

namespace tilepool {

/// A baseline JPEG, 4:2:0. `quality` 1..100. Throws Error(kInternal) when the library refuses.
[[nodiscard]] std::vector<std::uint8_t> encode_jpeg(const SmallImage& image, int quality);

}  // namespace tilepool
