#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/run/layout.h"
#include "common/run/plan_file.h"
#include "common/run/run_json.h"
#include "common/run/status_json.h"
#include "report/tile_outcomes.h"

namespace tilepool {

/// One slide as far as the run has come with it.
struct SlideView {
  PlanSlide plan;      ///< id, path and group only, before there is a plan
  std::string state;   ///< success skipped failed processing waiting
  std::string reason;  ///< one line, empty where nothing is wrong
  std::uint64_t pool_first = 0, sample_first = 0;  ///< its rows of the plan: n_pool, n_sample many
  std::int64_t n_done = 0, n_failed = 0, n_cells = 0;
  double seconds = 0;  ///< reading and computing its tiles, summed
  double tissue_mm2 = std::numeric_limits<double>::quiet_NaN();  ///< of its tiles that are done

  [[nodiscard]] std::int64_t n_settled() const { return n_done + n_failed; }
  /// Cells per mm2 of tissue in the tiles that are done; NaN where it makes no sense.
  [[nodiscard]] double density_mm2() const;
};

/// Everything that a run directory tells, of a finished, stopped, failed or running run. What is
/// not there yet, or cannot be read, is empty here and named in `missing`.
struct RunView {
  std::string name;  ///< last part of the run directory's path
  std::optional<RunDescription> run;
  std::optional<RunStatus> status;
  std::optional<PlanHead> plan_head;
  std::unique_ptr<PlanReader> plan;
  std::unique_ptr<TileOutcomes> outcomes;  ///< there when the plan is
  std::vector<SlideView> slides;           ///< ordered by id
  std::uint64_t n_grid = 0, n_pool = 0, n_sample = 0, n_done = 0, n_failed = 0, n_cells = 0;
  bool has_results = false;          ///< results.h5 is there, complete, and of this job
  std::vector<std::string> missing;  ///< one line each

  [[nodiscard]] bool segments() const;  ///< the task yields cells
  [[nodiscard]] std::uint64_t slides_in(const std::string& state) const;
};

/// Throws Error(kNoInput) when the directory holds no run.
[[nodiscard]] RunView load_run(const RunLayout& layout);

/// Seconds since the run's last sign of life; nullopt when it has ended or never gave one.
[[nodiscard]] std::optional<double> heartbeat_age_s(const RunStatus& status);
/// Whether a run that has not ended has been silent for longer than its state explains.
[[nodiscard]] bool heartbeat_is_old(const RunStatus& status);
/// What an exit code of a run means, in one sentence without a full stop.
[[nodiscard]] std::string exit_code_meaning(int exit_code);

}  // namespace tilepool
