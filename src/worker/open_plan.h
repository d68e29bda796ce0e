#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/model/options.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"
#include "common/run/run_json.h"
#include "worker/range_pipeline.h"

namespace tilepool {

/// plan.h5 of one generation, open for reading, and what a worker derives from it. For the one
/// thread that speaks HDF5.
class OpenPlan {
 public:
  /// All three must outlive it. Throws Error(kProtocol) when the plan is of another generation.
  OpenPlan(const RunLayout& layout, const Options& options, const RunDescription& run,
           std::uint32_t generation);

  [[nodiscard]] const PlanHead& head() const { return reader_.head(); }
  [[nodiscard]] const PlanSlide& slide(std::uint64_t index) const { return slides_.at(index); }
  /// What the sample indices [first, last) have to be read and computed, without those that an
  /// earlier plan's results cover.
  [[nodiscard]] std::vector<TileJob> tile_jobs(std::uint64_t first, std::uint64_t last);

 private:
  [[nodiscard]] const SlideCalibration& calibration_of(const std::string& slide_id);
  [[nodiscard]] std::vector<PoolTile> pool_of(std::uint32_t slide) const;
  [[nodiscard]] std::shared_ptr<const SlideContext> context_of(std::uint32_t slide);

  const RunLayout& layout_;
  const Options& options_;
  const RunDescription& run_;
  PlanReader reader_;
  std::vector<PlanSlide> slides_;
  std::map<std::string, SlideCalibration> calibrations_;
  std::map<std::uint32_t, std::weak_ptr<const SlideContext>> contexts_;
};

}  // namespace tilepool
