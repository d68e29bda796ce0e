#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/image_view.h"
#include "common/memory/budget.h"
#include "common/model/tile_grid.h"
#include "common/slide/source.h"
#include "worker/scan_tissue.h"

namespace tilepool {

/// Where a slide's scan sees tissue: masks of scan pixels, each `downsample` level-0 pixels wide.
struct ScanMasks {
  ImageView<const std::uint8_t> dark;    ///< the rule's, before cleaning
  ImageView<const std::uint8_t> region;  ///< cleaned: pixels outside are never tissue
  double downsample = 1;
};

/// Level-0 pixels of a core that lie in the region, and those of them that the rule calls tissue at
/// level 0; apart for scan pixels that are dark and those that are not.
struct TileEvidence {
  std::int64_t dark_px = 0, dark_tissue_px = 0;
  std::int64_t pale_px = 0, pale_tissue_px = 0;
  [[nodiscard]] std::int64_t tissue_px() const { return dark_tissue_px + pale_tissue_px; }
};

/// Judges tiles by their level-0 pixels: a pixel is tissue when the slide's rule, with the
/// thresholds of the scan, says so and it lies in the scan's region.
class TileJudge {
 public:
  /// All must outlive it. Takes tile_judge_bytes() from `budget`.
  TileJudge(SlideSource& source, const TissueRule& rule, const ScanMasks& masks, Budget& budget);
  /// Throws Error(kSlide) when the slide cannot be read there.
  [[nodiscard]] TileEvidence judge(const Rect& core);

 private:
  void count(const Rect& block, ImageView<const std::uint8_t> tissue, TileEvidence& evidence);
  SlideSource& source_;
  const TissueRule& rule_;
  const ScanMasks& masks_;
  const std::int64_t reach_px_;
  Arena scratch_;
};
[[nodiscard]] std::size_t tile_judge_bytes(const TissueRule& rule, double downsample);

/// What exact judging of a slide came to.
struct ExactTissue {
  std::int64_t candidates = 0;  ///< tiles whose part of the region is large enough for the pool
  std::int64_t judged = 0;      ///< of them, at level 0
  std::int64_t unreadable = 0;  ///< of them; the scan's word stays
  double kept = 1;   ///< the least share of tissue found at level 0 where the scan is dark
  double found = 0;  ///< the most where it is not
};

/// Fills `fractions` ([rows][columns] of the grid) so that `fraction >= min_fraction` says what
/// judging every tile at level 0 would say. Only tiles that the scan could be wrong about are
/// judged, and their fraction is that of level 0; for the others it is the scan's.
///
/// How wrong the scan can be is measured on the slide: of a sample of the candidates (half of them
/// drawn by their keys, half those nearest to min_fraction) the least share of dark scan pixels
/// that is tissue at level 0, and the most of pale ones. With a margin on both, tiles whose
/// fraction at level 0 may lie on either side are judged, and measured too, until there are none.
///
/// The same whatever the number of ranks. Throws Error(kBudget).
ExactTissue judge_exactly(const std::string& slide_id, const TileGrid& grid, double min_fraction,
                          const ScanMasks& masks, TileJudge& judge, Budget& budget,
                          std::vector<float>& fractions);

}  // namespace tilepool
