#pragma once

#include <cstdint>
#include <string>

#include "common/base/image_view.h"

namespace tilepool {

/// A lossy WebP file. `quality` 0..100; edges of 1..16383 px. Equal pixels give equal bytes with
/// the same library. Thread-safe. Throws Error(kInternal) with the library's error number.
[[nodiscard]] std::string encode_webp(ConstRgbView image, float quality);

}  // namespace tilepool
