#pragma once

#include "common/base/image_view.h"
#include "common/kernels/backend.h"
#include "common/model/options.h"
#include "common/model/result.h"
#include "worker/segment_calibration.h"

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

  /// Appends to `out` the cells whose centroid lies in `core` (half-open, level-0 coordinates)
  /// and whose area fits a class, ordered by (y, x). `core` and `inside` are rectangles of the tile
  /// that `backend` has begun; outside `inside` the pixels are padding and count as unstained.
  void run(Backend& backend, Rect core, Rect inside, double origin_x, double origin_y, double scale,
           CellBatch& out) const;

 private:
  SegmentOptions options_;
  double mpp_;
  double tissue_grey_;
  SegmentPlan plan_;
};

}  // namespace tilepool
