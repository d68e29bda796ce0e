#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mpi.h>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/model/result.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"

namespace tilepool {

/// A column of /telemetry/ranks or /telemetry/...: may differ between runs of the same job.
struct Telemetry {
  std::map<std::string, std::string> text;                  ///< attributes: run_uuid, started, ...
  std::map<std::string, double> numbers;                    ///< attributes: wall_s, attempts, ...
  std::map<std::string, std::vector<double>> rank_numbers;  ///< /telemetry/ranks/<name>, one a rank
  std::map<std::string, std::vector<std::string>> rank_text;  ///< /telemetry/ranks/<name>
};

/// What the ranks that pack must agree on beforehand.
struct PackJob {
  RunLayout layout;
  TaskSchema schema;
  std::vector<std::string> class_names;
  OutputOptions output;
  PatchOptions patches;         ///< of a task that cuts patches
  std::int64_t tile_px = 0;     ///< its tiles' size in analysis pixels
  std::size_t block_bytes = 0;  ///< most bytes a rank holds of one column at a time
};

/// Where the master writes the pack index and every packing rank reads it.
[[nodiscard]] inline std::filesystem::path pack_index_path(const RunLayout& layout) {
  return layout.root() / ".pack-index.h5";
}

/// Which committed row answers for each sample entry: made once by the master (it reads the tile
/// tables of all range files; the first in order of file names wins, and done wins over failed) and
/// written to `file`; every packing rank reads it. Entries that no range file holds stay pending:
/// then `missing` > 0 and nothing may be packed.
struct PackIndexSummary {
  std::uint64_t samples = 0, missing = 0, failed = 0, cells = 0, points = 0;
  /// One line a range file that was skipped: "<path>: <why>". Damaged, or of another pipeline.
  std::vector<std::string> damaged;
};
/// Reads every range file once and compares its checksum. Takes about 21 bytes a sample entry from
/// `budget` (unbounded when null), independent of cells.
[[nodiscard]] PackIndexSummary write_pack_index(const RunLayout& layout, const TaskSchema& schema,
                                                const std::filesystem::path& file,
                                                Budget* budget = nullptr);

/// A slide as results.h5 and the ledger show it at the end.
struct FinalSlide {
  PlanSlide plan;
  std::string status;  ///< "success", "skipped" or "failed"
  std::string reason;  ///< one line; never empty unless success
  std::int64_t n_done = 0, n_failed = 0, n_cells = 0, n_patches = 0;
  double seconds =
      0;  ///< reading and computing its tiles, summed (telemetry: differs between runs)
};
/// The slides' final status, reason and counts from the plan and a pack index without missing
/// tiles; `items`: what the index counts.
[[nodiscard]] std::vector<FinalSlide> final_slides(const RunLayout& layout,
                                                   const std::filesystem::path& index_file,
                                                   Items items);
/// job_id of a complete results file; empty when there is none or it is not complete.
[[nodiscard]] std::string results_job_id(const std::filesystem::path& results_file);

/// Writes results.h5 under a temporary name from plan.h5 and the range files. COLLECTIVE over
/// `comm` when it is given (collective MPI-IO; every rank writes whole chunks of its own; rank 0
/// then adds what is small, alone); with nullopt one process writes alone through the serial
/// driver. Both give equal files, whatever the number of ranks and the boundaries of the ranges.
/// Slides' final status, reason and counts are derived here. `telemetry` is used on rank 0 only.
/// The caller renames the result into place (commit_results) once every rank has returned.
/// An exception on one rank leaves the others inside a collective call: end the job (_exit,
/// MPI_Abort), as DESIGN says; the next start packs again.
void pack_results(const PackJob& job, const std::filesystem::path& index_file,
                  const Telemetry& telemetry, std::optional<MPI_Comm> comm, Budget& budget);

/// The most bytes that pack_results takes, HDF5's own buffers included, on top of what the process
/// holds before; does not grow with the results.
[[nodiscard]] std::size_t pack_memory_bytes(std::size_t block_bytes);

/// Where pack_results writes: <run>/.results.h5.packing
[[nodiscard]] std::filesystem::path packing_path(const RunLayout& layout);

/// fsync + rename of the packed file to results.h5; removes what attempts at packing left beside
/// it. One process.
void commit_results(const RunLayout& layout);

}  // namespace tilepool
