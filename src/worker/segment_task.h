#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/stain.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"
#include "common/model/result.h"
#include "worker/segment_calibration.h"
#include "worker/segment_params.h"

namespace tilepool {

/// The columns of a segmented cell, in order. Colour features are over the cell's pixels: R, G, B
/// and grey 0..255; H, S, V 0..1; stains in units of the slide's 99th percentile.
[[nodiscard]] TaskSchema segment_schema(const SegmentOptions& options);

/// Finds and measures the cells of a tile of one slide. Const and thread-safe.
///
/// Positions: pixel index i of the window covers [i, i + 1), so a centroid c in pixel indices (as
/// in skimage.measure.regionprops) is at level 0 at origin + (c + 0.5) * scale, rounded to 2^-16
/// so that it does not depend on the window it was computed in.
/// Contours pass through the midpoints of pixel edges (kernels/contour.h) in the same frame: with
/// scale 1, skimage.draw.polygon of (y - 0.5, x - 0.5) gives back exactly the cell's pixels, and
/// the shoelace area is their number less 1/2 (holes, which are rare, included).
class SegmentTask {
 public:
  /// `mpp` in um per analysis pixel, > 0.
  SegmentTask(const SegmentOptions& options, const SegmentCalibration& calibration, double mpp);

  /// Scratch for a window of this size, for any options and slide.
  [[nodiscard]] static std::size_t scratch_bytes(std::int64_t width, std::int64_t height);

  /// Appends to `out` the cells whose centroid lies in `core` (half-open, level-0 coordinates)
  /// and whose area fits a class, ordered by (y, x). `core` and `inside` are rectangles of `rgb`;
  /// outside `inside` the pixels are padding and count as unstained.
  void run(ConstRgbView rgb, Rect core, Rect inside, double origin_x, double origin_y, double scale,
           Arena& scratch, CellBatch& out) const;

  /// The labels that run() measures: 1..n, 0 background; returns n. Same scratch.
  std::int32_t label_cells(ConstRgbView rgb, Rect inside, Arena& scratch,
                           ImageView<std::int32_t> labels) const;

 private:
  /// The smoothed nuclear plane and the mask of what is above its threshold.
  void find_nuclei(ConstRgbView rgb, Rect inside, Arena& scratch, ImageView<std::uint16_t> plane,
                   ImageView<std::uint8_t> mask) const;

  SegmentOptions options_;
  SegmentCalibration calibration_;
  double mpp_;
  SegmentParams params_;
  UnmixTable stain1_;
  UnmixTable stain2_;
};

}  // namespace tilepool
