#include "worker/open_plan.h"

#include <utility>

#include "common/base/error.h"
#include "common/run/calibration_file.h"
#include "common/run/scan_file.h"
#include "worker/calibrate.h"
#include "worker/patches_task.h"
#include "worker/tile_task.h"

namespace tilepool {

OpenPlan::OpenPlan(const RunLayout& layout, const Options& options, const RunDescription& run,
                   std::uint32_t generation)
    : layout_(layout),
      options_(options),
      run_(run),
      reader_(layout.plan()),
      slides_(reader_.slides()) {
  check(head().generation == generation, ErrorCode::kProtocol,
        "plan.h5 is of generation {}, the work of {}", head().generation, generation);
}

// calibration.h5 is complete before the first range is leased, but not when the plan is opened.
const SlideCalibration& OpenPlan::calibration_of(const std::string& slide_id) {
  static const SlideCalibration kNone;
  if (!task_needs_calibration(options_)) return kNone;
  if (calibrations_.empty())
    for (SlideCalibration& slide : read_calibration(layout_.calibration()))
      calibrations_.emplace(slide.slide_id, std::move(slide));
  const auto found = calibrations_.find(slide_id);
  check(found != calibrations_.end(), ErrorCode::kInternal, "{} holds no calibration of slide {}",
        layout_.calibration().string(), slide_id);
  return found->second;
}

std::shared_ptr<const SlideContext> OpenPlan::context_of(std::uint32_t slide) {
  std::weak_ptr<const SlideContext>& known = contexts_[slide];
  if (auto context = known.lock()) return context;
  auto context = std::make_shared<SlideContext>();
  context->slide = slides_.at(slide);
  context->slide.path = run_.cohort.at(slide).path;  // the files may have moved since
  context->mpp = run_.cohort.at(slide).mpp;
  const TileOptions& tiles = options_.tiles;
  const bool patches = options_.task == TaskKind::kPatches;
  context->grid = {context->slide.width,
                   context->slide.height,
                   tiles.size_px,
                   context->slide.core_px,
                   patches ? 0 : tiles.halo_px,
                   extra_px(options_),
                   patches ? static_cast<int>(options_.patches.level) : 0};
  if (patches) context->patches = options_.patches;
  const double mpp = (context->slide.mpp_x + context->slide.mpp_y) / 2 * context->grid.scale();
  const SlideCalibration& calibration = calibration_of(context->slide.id);
  context->stains = stain_map_of(run_.options.stain, calibration);
  context->task = patches ? make_patches_task(options_, context->slide.id, context->grid, layout_,
                                              pool_of(slide))
                          : make_tile_task(options_, mpp, calibration);
  if (!options_.annotations.classes.empty() && !task_schema(options_).tile_features.empty()) {
    Budget nothing(0);  // attributes take none
    const SlideScan scan = read_scan(layout_.scan_file(context->slide.id), {}, nothing);
    context->classes = std::make_shared<TileClasses>(run_.cohort.at(slide), scan.annotations_print,
                                                     options_.annotations);
  }
  known = context;
  return context;
}

std::vector<PoolTile> OpenPlan::pool_of(std::uint32_t slide) const {
  std::uint64_t first = 0;
  for (std::uint32_t i = 0; i < slide; ++i)
    first += static_cast<std::uint64_t>(slides_.at(i).n_pool);
  return reader_.pool(first, static_cast<std::uint64_t>(slides_.at(slide).n_pool));
}

std::vector<TileJob> OpenPlan::tile_jobs(std::uint64_t first, std::uint64_t last) {
  const std::uint64_t count = last - first;
  const auto tiles = reader_.sample_tiles(first, count);
  const auto carried = reader_.carried(first, count);
  std::vector<TileJob> jobs;
  for (std::uint64_t i = 0; i < count; ++i)
    if (carried[i] == 0) jobs.push_back({context_of(tiles[i].slide), tiles[i], first + i});
  return jobs;
}

}  // namespace tilepool
