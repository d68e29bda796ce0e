#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/small_image.h"

namespace tilepool {

/// A baseline JPEG, 4:2:0. `quality` 1..100. Throws Error(kInternal) when the library refuses.
[[nodiscard]] std::vector<std::uint8_t> encode_jpeg(const SmallImage& image, int quality);

/// A lossless WebP with transparency. `rgba`: [height][width][4], not premultiplied; edges of
/// 1..16383 px. Throws Error(kInternal) when the library refuses.
[[nodiscard]] std::string encode_lossless_webp(const std::vector<std::uint8_t>& rgba,
                                               std::int64_t width, std::int64_t height);

}  // namespace tilepool
