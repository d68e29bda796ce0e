#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/image_view.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// The grid of cores of one slide. Cores partition the slide from (0,0); those at the right and
/// bottom edge are clipped. All positions are level-0 pixels.
///
/// Analysis pixels: when tiles.mpp is set, a core of `core_px` level-0 pixels is resampled to
/// `size_px` analysis pixels; the scale core_px / size_px is the same for every tile of the slide.
struct TileGrid {
  std::int64_t slide_width = 0;
  std::int64_t slide_height = 0;
  std::int64_t size_px = 0;   ///< core edge, analysis pixels
  std::int64_t core_px = 0;   ///< core edge, level-0 pixels
  std::int64_t halo_px = 0;   ///< halo, analysis pixels
  std::int64_t extra_px = 0;  ///< read beyond the halo at the right and below, analysis pixels
  int level = 0;  ///< above 0: analysis pixels are this pyramid level's, as they stand in the file

  [[nodiscard]] std::int64_t columns() const { return (slide_width + core_px - 1) / core_px; }
  [[nodiscard]] std::int64_t rows() const { return (slide_height + core_px - 1) / core_px; }
  [[nodiscard]] std::int64_t tiles() const { return columns() * rows(); }
  /// Level-0 pixels per analysis pixel.
  [[nodiscard]] double scale() const {
    return static_cast<double>(core_px) / static_cast<double>(size_px);
  }
  /// Core of the tile in column c, row r (level 0, clipped to the slide).
  [[nodiscard]] Rect core(std::int64_t c, std::int64_t r) const;
};

/// Makes the grid of a slide. `slide_mpp` is used only when `target_mpp` > 0 (0: level 0 as is).
/// Throws Error(kSlide) when target_mpp is set and slide_mpp is NaN.
[[nodiscard]] TileGrid make_grid(std::int64_t slide_width, std::int64_t slide_height,
                                 std::int64_t size_px, std::int64_t halo_px, double target_mpp,
                                 double slide_mpp);

/// The grid of a slide as the configuration has it. A pyramid level's downsample is rounded to a
/// whole number of level-0 pixels, as CLAM does. Throws Error(kSlide) where the slide lacks the
/// level or the mpp that it needs.
[[nodiscard]] TileGrid slide_grid(const SlideInfo& info, const Options& options);
/// TileGrid::extra_px: what patches that begin in a core may need beyond it.
[[nodiscard]] std::int64_t extra_px(const Options& options);

/// A tile's sampling key: XXH64 with `seed` over slide_id, one zero byte, x and y as int64 LE.
[[nodiscard]] std::uint64_t tile_key(std::string_view slide_id, std::int64_t x, std::int64_t y,
                                     std::uint64_t seed);

/// A cell's stable identity: XXH64 with seed 0 over slide_id, zero byte, class name, zero byte, and
/// x and y (level-0 px) rounded to 1/16 px as int64 LE.
[[nodiscard]] std::uint64_t cell_uid(std::string_view slide_id, std::string_view class_name,
                                     double x, double y);

}  // namespace tilepool
