#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tilepool {

/// One rank as status.json, the report and /telemetry/ranks show it.
struct RankStatus {
  int rank = 0;
  std::string role;  ///< "master", "worker", "master+worker"
  std::string host;
  std::string device;    ///< "cpu" or the name of a GPU
  std::string gpu_uuid;  ///< empty: the CPU
  std::uint64_t pid = 0;
  std::uint64_t threads = 0;       ///< that compute
  std::uint64_t budget_bytes = 0;  ///< limit of the resident set
  std::uint64_t rss_bytes = 0, peak_rss_bytes = 0;
  std::uint64_t tiles = 0;  ///< committed by this rank in this attempt
  std::uint64_t pixels_read = 0;
  double read_s = 0, compute_s = 0, commit_s = 0;  ///< reading and computing summed over threads
  /// What computing threads waited for: tiles to be read, results to be committed, leases.
  double wait_read_s = 0, wait_commit_s = 0, wait_lease_s = 0;
  double device_busy_s = 0;  ///< the GPU was computing something; 0 on the CPU
  std::uint64_t device_budget_bytes = 0, device_peak_bytes = 0;  ///< of the GPU's memory
  std::uint64_t staged_slides = 0,
                staged_bytes = 0;  ///< copied to its node's disk (/workers/stage)
  bool alive = true;
  double silent_s = 0;  ///< since it was last heard of
};

/// status.json: the heartbeat of the run and, at its end, the truth about how it ended.
struct RunStatus {
  std::string
      state;  ///< starting scanning planning calibrating processing packing done stopped failed
  int exit_code = -1;   ///< -1 while running
  std::string message;  ///< why it stopped or failed; one line
  std::string run_uuid, job_id, started, updated;
  std::uint64_t slides = 0, slides_scanned = 0, slides_failed = 0, slides_skipped = 0;
  std::uint64_t grid = 0, pool = 0, sample = 0;
  std::uint64_t tiles_done = 0, tiles_failed = 0,
                cells = 0;          ///< of the sample, earlier attempts too
  std::uint64_t tiles_resumed = 0;  ///< committed before this attempt began
  double elapsed_s = 0, processing_s = 0;
  double tiles_per_s = 0, eta_s = -1;  ///< -1 unknown
  std::vector<RankStatus> ranks;
};

/// Replaces status.json atomically.
void write_status(const std::filesystem::path& file, const RunStatus& status);
/// Throws Error(kIo) when it is missing or damaged.
[[nodiscard]] RunStatus read_status(const std::filesystem::path& file);
/// The same as JSON text, for --json.
[[nodiscard]] std::string status_to_json(const RunStatus& status);

}  // namespace tilepool
