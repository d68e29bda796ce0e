#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/slide/source.h"

namespace tilepool {

/// What a thread that calls read_scaled keeps for it, whatever the slide and the scale.
inline constexpr std::size_t kScaledReadBytes = std::size_t{4} << 20;

/// Fills `out` with the slide at `scale` level-0 pixels per output pixel (0.01..500): output pixel
/// (i, j) is the mean of the level-0 square [x + i*scale, x + (i+1)*scale) x [y + j*scale, ...),
/// pixels that its edge cuts counted by the part inside; beyond the slide it is white. It is taken
/// from the coarsest level that is not coarser than `scale`. Scale 1 at whole x and y is level 0
/// itself.
///
/// Integer arithmetic with positions to 1/4096 level pixel. Where x and y are multiples of `scale`
/// (a tile's core and a halo of whole pixels), a pixel's value depends on its place in that grid
/// and not on the window that it is read with.
/// Thread-safe. Throws Error(kSlide) when the slide cannot be read there.
void read_scaled(SlideSource& source, double x, double y, double scale, RgbView out);

/// What read_scaled reads of the slide for width x height output pixels: pixels of one level.
struct LevelRegion {
  int level = 0;
  Rect rect;
};
[[nodiscard]] LevelRegion scaled_region(const SlideInfo& info, double x, double y, double scale,
                                        std::int64_t width, std::int64_t height);

/// The level that read_scaled takes `scale` from; a level may be coarser by 1 %.
[[nodiscard]] int level_for_scale(const SlideInfo& info, double scale);

}  // namespace tilepool
