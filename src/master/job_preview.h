#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// What is known of the ranks before they run. Numbers of one worker.
struct PreviewMachine {
  int workers = 1;
  int threads = 1;                       ///< of each worker
  std::size_t limit_bytes = 0;           ///< memory.host_per_rank, resolved; 0 unknown
  std::size_t smallest_limit_bytes = 0;  ///< that the configured tiles need; 0 unknown
};

/// A slide as opening it shows it. No pixel has been read.
struct PreviewSlide {
  std::string id, path, group, vendor;
  std::string problem;                 ///< one line: why it would fail; empty when it would not
  std::int64_t width = 0, height = 0;  ///< level 0, px
  double mpp_x = std::numeric_limits<double>::quiet_NaN();  ///< um per level-0 px, NaN unknown
  double mpp_y = std::numeric_limits<double>::quiet_NaN();
  std::string mpp_source;
  double tile_mpp = std::numeric_limits<double>::quiet_NaN();  ///< um per analysis px
  std::int64_t tiles = 0;                                      ///< of the grid
  double tile_px = 0;                     ///< analysis pixels of all of them, halos included
  double scan_px = 0;                     ///< pixels of the level that is about what the scan reads
  std::uint64_t staged_bytes = 0;         ///< of its file, if it can be copied to a node's disk
  bool annotated = false;                 ///< a file of regions was read for it
  std::vector<std::string> region_names;  ///< groups and names in that file
};

/// What a job would do. How many tiles hold tissue is known after the scan only, so what depends on
/// it is an upper bound.
struct JobPreview {
  std::vector<PreviewSlide> slides;  ///< as in the cohort
  PreviewMachine machine;
  std::int64_t size_px = 0, halo_px = 0;
  std::int64_t tiles = 0;        ///< grids of the slides that would not fail
  std::int64_t sample_most = 0;  ///< the sample, were all of them pooled
  double sample_px = 0;          ///< analysis pixels of such a sample
  double scan_px = 0;
  double seconds = 0;                 ///< scan and sample, at px_per_thread_s
  double px_per_thread_s = 0;         ///< the guess that `seconds` rests on
  std::string stage;                  ///< /workers/stage; empty: slides are not copied
  std::uint64_t stage_limit = 0;      ///< bytes on each node; 0: what is free there
  std::uint64_t staged_bytes = 0;     ///< of all slides that can be copied
  std::vector<std::string> warnings;  ///< one line each

  [[nodiscard]] std::size_t failing() const;
  /// Whether the memory limit is one that a run accepts (unknown limits are).
  [[nodiscard]] bool memory_fits() const;
};

/// Opens every slide, resolves its mpp and counts its tiles. A slide that cannot be opened is a
/// PreviewSlide with a problem, not an error.
[[nodiscard]] JobPreview preview_job(const Options& options, const std::vector<SlideSpec>& cohort,
                                     const PreviewMachine& machine);

/// As `tilepool plan` prints it: an aligned table and totals, or one JSON object.
[[nodiscard]] std::string render_preview(const JobPreview& preview, bool json);

}  // namespace tilepool
