#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"

namespace tilepool {

/// What the plan came to.
struct PlanSummary {
  std::uint64_t slides = 0, readable = 0;
  std::uint64_t grid = 0, pool = 0, sample = 0;
  std::uint64_t carried = 0;  ///< sample entries that an earlier generation committed
};

/// Tells whether a tile was committed by an earlier generation of the run.
using CarriedLookup = std::function<bool(std::uint32_t slide, std::int64_t x, std::int64_t y)>;

/// Makes plan.h5 from the committed scans: the pool of all tiles with enough tissue in (slide id,
/// y, x) order, and the sample drawn from it. Scans are read one after the other, twice (to count,
/// then to draw), so memory grows with the sample only, not with the pool.
/// `slides` is ordered by id. Slides that failed, need micrometres that they lack, or hold no
/// tissue get their status and reason here. Committed atomically.
PlanSummary build_plan(const RunLayout& layout, const Options& options,
                       const std::vector<SlideSpec>& slides, const PlanHead& head,
                       const CarriedLookup& carried, Budget& budget);

/// The run's identities: what must be equal for results to be equal. `config` is the JSON text of
/// the keys that can change results; ids are hex XXH3-128 hashes of it and of the slides' ids,
/// groups, fingerprints, mpp and what their annotation files hold. The pipeline's leaves the sample
/// out.
struct RunIdentity {
  std::string config, job_id, pipeline_id;
};
[[nodiscard]] RunIdentity identify_run(const RunLayout& layout, const Options& options,
                                       const std::vector<SlideSpec>& slides, Budget& budget);

/// The cohort-wide threshold of tissue method `variance` from all slides' scans, or 0 for the
/// methods that decide slide by slide.
[[nodiscard]] double cohort_variance_threshold(const RunLayout& layout, const Options& options,
                                               const std::vector<SlideSpec>& slides,
                                               Budget& budget);

}  // namespace tilepool
