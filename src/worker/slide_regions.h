#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "common/annotation/annotations.h"
#include "common/annotation/region_mask.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// The hash of the slide's file of annotations, "" when the options use none or it has none.
/// Throws Error(kSlide) when it cannot be read.
[[nodiscard]] std::string regions_print(const SlideSpec& spec, const AnnotationOptions& options);

/// The regions of one slide, read from its file of annotations when the options use it. Memory:
/// slide_regions_bytes() from the budget while reading, then what the regions take. Const and
/// thread-safe.
class SlideRegions {
 public:
  /// Throws Error(kSlide) when the file cannot be read or is malformed; Error(kBudget).
  SlideRegions(const SlideSpec& spec, const SlideInfo& info, const AnnotationOptions& options,
               Budget& budget);

  [[nodiscard]] const std::string& print() const { return print_; }
  /// One line when tissue counts nowhere on the slide; else empty.
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// What there is to tell of them, beginning with "; "; empty when none were read.
  [[nodiscard]] std::string note() const;

  /// Clears what lies in no region of /annotations/include, and what lies in one of
  /// /annotations/exclude. `downsample`: level-0 px per pixel of the mask, whose corner is the
  /// slide's. Takes scratch of slide_regions_scratch_bytes() from `budget`.
  void restrict_tissue(ImageView<std::uint8_t> mask, double downsample, Budget& budget) const;

  [[nodiscard]] const std::vector<Region>& regions() const { return found_.regions; }

 private:
  const AnnotationOptions& options_;
  std::string print_, reason_;
  Pages memory_;  ///< counts what found_ takes
  Annotations found_;
};

/// What reading a SlideRegions of this slide takes. 0 when its file cannot be looked at.
[[nodiscard]] std::size_t slide_regions_bytes(const SlideSpec& spec,
                                              const AnnotationOptions& options);
/// What restrict_tissue() takes beside it, for a mask of that width.
[[nodiscard]] std::size_t slide_regions_scratch_bytes(std::int64_t mask_width);

}  // namespace tilepool
