#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/run/layout.h"
#include "report/run_view.h"
#include "report/spread.h"

namespace tilepool {

/// The cells of one class in the slides of one group.
struct GroupClass {
  KeptValues per_tile;         ///< one a tile that is done: cells per mm2 of tissue, or just cells
  CountedValues area_um2;      ///< one a cell
  std::uint64_t n_scored = 0;  ///< cells that a classifier knows
  std::uint64_t n_yes = 0;     ///< those that it calls a yes
};

/// The slides of a cohort that have the same `group`.
struct SlideGroup {
  std::string name;                 ///< empty: the slides without one
  KeptValues pooled;                ///< one a slide with tissue: its tiles in the pool
  KeptValues tissue_fraction;       ///< one a sampled tile, 0..1
  std::vector<GroupClass> classes;  ///< as CohortSurvey::classes
};

/// What the sampled tiles and their cells are like, by group; and where each slide's cells lie.
struct CohortSurvey {
  std::vector<std::string> classes;  ///< empty when there are no cells to tell of (yet)
  bool per_mm2 = false;  ///< GroupClass::per_tile is a density: each slide with cells has an mpp
  bool has_areas = false;
  std::vector<SlideGroup> groups;     ///< by name; beyond kMostSlideGroups the rest in the last one
  std::uint64_t n_groups_joined = 0;  ///< groups of the cohort that the last one stands for
  std::vector<std::string> cell_pictures;  ///< one a slide, CellGrid::picture; empty without cells
};

inline constexpr std::size_t kMostSlideGroups = 20;

/// Reads plan.h5 by slide and the cells of results.h5 by blocks: memory grows with sampled
/// tiles (about 4 bytes a class) and slides, not with cells. `picture_bytes`: the most that one of
/// cell_pictures should take. A results.h5 that is damaged is named in view.missing, and there are
/// no cells then. Needs a plan.
[[nodiscard]] CohortSurvey survey_cohort(const RunLayout& layout, RunView& view,
                                         std::size_t picture_bytes);

}  // namespace tilepool
