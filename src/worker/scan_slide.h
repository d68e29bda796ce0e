#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/run/layout.h"
#include "common/run/scan_file.h"
#include "common/slide/source.h"

namespace tilepool {

/// Looks at a slide at scan resolution: image, modality, tissue mask and the tissue fraction of
/// each tile. With tissue method `variance` the variance map stands in for the mask and the
/// fractions are 0 until decide_tissue() has the cohort's threshold.
///
/// Parts that cannot be read count as tissue, so that their tiles are tried and told as failed
/// instead of vanishing; the notes say so. Memory: at most scan_slide_bytes(), all from `budget`.
/// Tissue counts where options.annotations says so; the slide's regions are read first. Throws
/// Error(kSlide) when they cannot be read, the slide cannot be scanned, or has no mpp and
/// options.tiles.mpp needs one; Error(kBudget).
[[nodiscard]] SlideScan scan_slide(const SlideSpec& spec, SlideSource& source,
                                   const Options& options, Budget& budget);

/// The same from the `count` strips that commit_strip() left: equal to what scan_slide() gives, its
/// errors too. Nothing when a strip is missing or not of this slide. With options.tissue.exact the
/// slide is read where the scan could be wrong, else not at all.
[[nodiscard]] std::optional<SlideScan> scan_from_strips(const SlideSpec& spec, SlideSource& source,
                                                        std::int64_t count, const RunLayout& layout,
                                                        const Options& options, Budget& budget);

/// What scan_slide() throws before it reads a pixel.
void check_scannable(const SlideInfo& info, const Options& options);

/// What scan_slide and scan_from_strips, and pack_images after them, take from their budget at most
/// for this slide.
[[nodiscard]] std::size_t scan_slide_bytes(const SlideSpec& spec, const SlideInfo& info,
                                           const Options& options);

}  // namespace tilepool
