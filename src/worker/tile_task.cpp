#include "worker/tile_task.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/kernels/cpu_backend.h"
#include "worker/patches_task.h"
#include "worker/segment_task.h"
#include "worker/tile_classes.h"
#include "worker/tile_features_task.h"

namespace tilepool {
namespace {

class SegmentTile : public TileTask {
 public:
  explicit SegmentTile(SegmentTask task) : task_(std::move(task)) {}
  void run(const TileWindow& window, Backend& backend, TileResult& result) const override {
    task_.run(backend, window.core, window.inside, window.origin_x, window.origin_y, window.scale,
              result.cells);
  }

 private:
  SegmentTask task_;
};

class FeaturesTile : public TileTask {
 public:
  void run(const TileWindow& window, Backend& backend, TileResult& result) const override {
    // What lies beyond the slide's edge is no part of the tile.
    const std::int64_t right = window.inside.x + window.inside.w;
    const std::int64_t bottom = window.inside.y + window.inside.h;
    const Rect& core = window.core;
    tile_features(
        backend,
        {core.x, core.y, std::min(core.w, right - core.x), std::min(core.h, bottom - core.y)},
        result.tile_features);
  }
};

TaskSchema schema_of_task(const Options& options) {
  switch (options.task) {
    case TaskKind::kSegment:
      return segment_schema(options.segment);
    case TaskKind::kTileFeatures:
      return tile_features_schema();
    case TaskKind::kPatches:
      return patches_schema();
  }
  fail(ErrorCode::kInternal, "unknown task {}", static_cast<int>(options.task));
}

}  // namespace

std::unique_ptr<TileTask> make_tile_task(const Options& options, double mpp,
                                         const SlideCalibration& calibration) {
  if (options.task == TaskKind::kTileFeatures) return std::make_unique<FeaturesTile>();
  // A slide that could not be calibrated cannot be read either; its tiles fail with that reason.
  const SegmentCalibration fixed = calibration.values.empty()
                                       ? SegmentCalibration{}
                                       : SegmentCalibration::from_values(calibration.values);
  return std::make_unique<SegmentTile>(SegmentTask(options.segment, fixed, mpp));
}

TaskSchema task_schema(const Options& options) {
  TaskSchema schema = schema_of_task(options);
  append_class_columns(options.annotations, schema);
  return schema;
}

bool task_needs_calibration(const Options& options) {
  return options.task == TaskKind::kSegment || options.stain.normalise != StainNormalisation::kNone;
}

std::size_t task_scratch_bytes(const Options& options, std::int64_t width, std::int64_t height) {
  return options.task == TaskKind::kSegment ? CpuBackend::scratch_bytes(width, height) : 0;
}

}  // namespace tilepool
