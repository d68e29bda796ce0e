#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "common/base/image_view.h"
#include "common/kernels/contour.h"
#include "common/kernels/normalise_stain.h"
#include "common/kernels/region_box.h"
#include "common/kernels/region_colour.h"
#include "common/kernels/region_shape.h"
#include "common/kernels/segment_plan.h"

namespace tilepool {

/// What is measured of one cell.
struct CellMeasures {
  RegionShape shape;
  ColourSums<kAllChannels> colour;
  std::span<const HalfPixel> ring;  ///< trace_contour of it
};

/// The work on the pixels of one tile after the other, on one device. All results are integers, and
/// equal whatever the device. For one thread.
class Backend {
 public:
  virtual ~Backend() = default;

  /// The tile that the following calls are about. Nobody else may change its pixels until the next
  /// begin() or finish().
  virtual void begin(RgbView rgb) = 0;
  /// Maps the pixels of `part` of the tile, for all calls that follow.
  virtual void normalise(const StainMap& map, const Rect& part) = 0;
  /// The tile's pixels as they are now, on the host and where begin() had them.
  [[nodiscard]] virtual ConstRgbView host_pixels() = 0;
  /// Sums over `part` of the tile.
  [[nodiscard]] virtual ColourSums<kPlainChannels> colour(const Rect& part) = 0;
  /// Finds the cells of the tile: labels 1..n; entry i of the answer is label i + 1 and stays there
  /// until the next begin(). Pixels outside `inside` are padding and count as unstained.
  [[nodiscard]] virtual std::span<const RegionBox> find_cells(const SegmentPlan& plan,
                                                              const Rect& inside) = 0;
  /// Calls take(i, measures of label labels[i]) for each, in order, after find_cells().
  using Take = std::function<void(std::size_t, const CellMeasures&)>;
  virtual void measure_cells(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                             const Take& take) = 0;
  /// The tile is done with: its pixels may change.
  virtual void finish() = 0;
};

}  // namespace tilepool
