#pragma once

#include <cstdint>
#include <memory>

#include "common/base/image_view.h"
#include "common/kernels/backend.h"
#include "common/model/options.h"
#include "common/model/result.h"
#include "common/run/calibration_file.h"

namespace tilepool {

/// One tile's pixels with its halo, in analysis pixels. Patches that were read one by one stand one
/// below the other instead.
struct TileWindow {
  RgbView rgb;          ///< core and halo
  Rect core;            ///< the core inside rgb, analysis px
  Rect inside;          ///< the part of rgb that lies on the slide; the rest is white
  Rect core_level0;     ///< the core on the slide, level-0 px
  double origin_x = 0;  ///< level-0 position of rgb's corner
  double origin_y = 0;
  double scale = 1;      ///< level-0 px per analysis px
  bool stacked = false;  ///< rgb is of patches, one below the other
};

/// What is done with the tiles of one slide. Const and thread-safe.
class TileTask {
 public:
  virtual ~TileTask() = default;
  /// Fills result.cells and result.tile_features; `backend` has begun the window's pixels.
  virtual void run(const TileWindow& window, Backend& backend, TileResult& result) const = 0;
};

/// The task of the configuration for one slide. `mpp` is um per analysis pixel (NaN unknown);
/// `calibration` is what was fixed for the slide (unused by tasks that need none).
[[nodiscard]] std::unique_ptr<TileTask> make_tile_task(const Options& options, double mpp,
                                                       const SlideCalibration& calibration);

/// Names of the columns that the configured task yields.
[[nodiscard]] TaskSchema task_schema(const Options& options);
/// Whether the task needs a calibration of each slide.
[[nodiscard]] bool task_needs_calibration(const Options& options);
/// Scratch of a CpuBackend for a window of width x height analysis pixels, at most, for any slide.
[[nodiscard]] std::size_t task_scratch_bytes(const Options& options, std::int64_t width,
                                             std::int64_t height);

}  // namespace tilepool
