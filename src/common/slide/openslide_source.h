#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/slide/source.h"

typedef struct _openslide openslide_t;  // NOLINT: the library's own declaration

namespace tilepool {

/// Bytes of the ARGB piece through which a thread reads; allocated once per reading thread.
inline constexpr std::size_t kPieceBytes = std::size_t{4} << 20;
/// What an open OpenSlide 3.4.1 handle may come to hold: its tile cache has 32 MiB
/// (openslide-cache.c), the rest is the surface of the piece being read and tables of tile offsets.
inline constexpr std::size_t kOpenSlideHandleBytes = std::size_t{40} << 20;

/// Pixels of a slide through OpenSlide. Thread-safe.
///
/// Reads are cut into pieces of at most kPieceBytes along the level's own tiles. OpenSlide takes
/// level-0 positions, so on a level whose downsample is not an integer a position is off by up to
/// half a level-0 pixel, and the library interpolates; there pieces lie on a lattice fixed per
/// level, so that a pixel's value does not depend on the region it is read with.
///
/// Levels smaller than one of their own tiles are left out of info().levels: OpenSlide 3.4.1 reads
/// what is not JPEG by TIFFReadRGBATile, and libtiff 4.5.0 then gives skewed rows and uninitialised
/// memory (it warns "Raster width of 256 shall not be larger than image width"). A slide whose
/// level 0 is such an image is refused.
///
/// OpenSlide (openslide.h, "Error handling"): after an error a handle is dead and gives empty
/// pixels. So a piece that failed is read again through a fresh handle, which decides whether this
/// piece or another thread's was at fault, and the dead handle is replaced.
class OpenSlideSource final : public SlideSource {
 public:
  /// Throws Error(kSlide) as open_slide does.
  OpenSlideSource(std::string path, std::optional<double> mpp_override);

  [[nodiscard]] const SlideInfo& info() const override { return info_; }
  void read(int level, std::int64_t x, std::int64_t y, RgbView out) override;
  void read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out) override;
  /// Tells in info().reader why no other source reads the slide.
  void say_why(const std::string& reason) { info_.reader = "openslide (" + reason + ")"; }
  /// Gives the library's handle back; the next read opens it again.
  void rest();

 private:
  using Handle = std::shared_ptr<openslide_t>;
  struct LevelPieces {
    std::int64_t width = 0, height = 0;  ///< of a piece, level pixels
    bool exact = true;                   ///< the downsample is an integer
  };
  struct Piece {
    int level;
    std::int64_t x0, y0;         ///< level-0 position
    std::int64_t width, height;  ///< level pixels
  };

  void read_levels(openslide_t* slide);
  void read_properties(openslide_t* slide, std::optional<double> mpp_override);
  void plan_pieces(openslide_t* slide);
  void read_cell(int level, Rect cell, const Rect& region, RgbView out);
  void read_argb(const Piece& piece, std::uint32_t* argb);
  void read_again(const Piece& piece, std::uint32_t* argb, const Handle& dead);
  [[nodiscard]] Handle open_handle() const;
  [[nodiscard]] Handle current();

  std::string path_;
  SlideInfo info_;
  std::vector<LevelPieces> pieces_;
  std::mutex handle_mutex_;  ///< guards handle_
  std::mutex retry_mutex_;   ///< one fresh handle at a time
  Handle handle_;
};

}  // namespace tilepool
