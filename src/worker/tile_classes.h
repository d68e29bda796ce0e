#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/annotation/region_mask.h"
#include "common/model/result.h"
#include "worker/slide_regions.h"
#include "worker/tile_task.h"

namespace tilepool {

/// Appends a column to the tile features of `schema` for each of the options' classes, unless the
/// task has none: annotation_NAME, where what is no ASCII letter, digit, _, - or . is _, with a _
/// behind it when an earlier class has that name.
void append_class_columns(const AnnotationOptions& options, TaskSchema& schema);

/// The annotated classes on the tiles of one slide. Thread-safe.
class TileClasses {
 public:
  /// `print`: of the file of annotations when the slide was scanned. `options` must outlive it.
  TileClasses(SlideSpec spec, std::string print, const AnnotationOptions& options);

  /// Reads the slide's regions, the first time. Throws Error(kSlide) when they cannot be read or
  /// are not those of the scan, Error(kBudget).
  void load(const SlideInfo& info, Budget& budget);

  /// Appends the share of the tile's core that lies in each class, by its analysis pixels; of
  /// classes that overlap the last one has a pixel. load() came before.
  void append_shares(const TileWindow& window, Budget& budget, std::vector<float>& out) const;

 private:
  const SlideSpec spec_;
  const std::string print_;
  const AnnotationOptions& options_;
  std::mutex mutex_;  ///< guards loading; what was loaded is not changed
  std::optional<SlideRegions> regions_;
  std::optional<ClassMask> mask_;
};

}  // namespace tilepool
