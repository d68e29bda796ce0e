#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/base/image_view.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// Pixels of one open slide. An implementation may be used by several threads at once.
/// Any read error is Error(kSlide) with the reader's own words; a source that failed once stays
/// usable for other regions where the library allows it (it reopens itself).
class SlideSource {
 public:
  virtual ~SlideSource() = default;
  [[nodiscard]] virtual const SlideInfo& info() const = 0;

  /// Reads the region whose top-left corner is (x, y) in pixels OF THAT LEVEL and whose size is
  /// out.width x out.height into `out`, interleaved RGB. x and y may be negative and the region may
  /// stick out: what lies beyond the slide is white. Transparent pixels are composited on white.
  virtual void read(int level, std::int64_t x, std::int64_t y, RgbView out) = 0;

  /// The same where (x0, y0) is a position on level 0, as OpenSlide's own interface has it. On a
  /// level whose downsample is not whole, pixels are those that OpenSlide gives for this very
  /// region (of at most 1024 x 1024 pixels), which depend on where it begins.
  virtual void read_at(int level, std::int64_t x0, std::int64_t y0, RgbView out);

  /// Tells which regions of `level` are being read and will be read next, in that order, instead of
  /// those told before. Only a hint: what they need of the file is asked for ahead, and what
  /// several of them touch is decoded once. No regions: nothing comes any more. Never throws for
  /// what the file holds.
  virtual void expect(int level, std::span<const Rect> regions);
};

/// Opens `path` with the best source there is, or with the one that `reader` names, and resolves
/// its mpp (`mpp_override` wins, then the slide's own properties, then TIFF resolution tags;
/// outside 0.05..20 um/px is refused). The pixels are the same whichever source it is. Throws
/// Error(kSlide) with a one-line reason.
[[nodiscard]] std::unique_ptr<SlideSource> open_slide(const std::string& path,
                                                      std::optional<double> mpp_override,
                                                      Reader reader = Reader::kAuto);

}  // namespace tilepool
