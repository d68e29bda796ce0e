#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tilepool {

/// A job as Slurm is asked for it.
struct JobRequest {
  int nodes = 1;
  int gpus_per_node = 0;
  int tasks_per_node = 1;  ///< ranks; with GPUs one more than these, for the master
  int cpus_per_task = 1;
  std::size_t memory_per_node_bytes = 0;
  std::int64_t time_s = 0;
  std::string partition, account;      ///< empty: not asked for
  std::string program;                 ///< tilepool, absolute
  std::vector<std::string> arguments;  ///< of `tilepool run`
};

/// How long before the walltime Slurm is asked to tell the job: a tenth of it, 30..300 s.
[[nodiscard]] std::int64_t warning_s(std::int64_t time_s);

/// The sbatch script: the one of slurm/ that fits (one-node, several-nodes or multi-gpu), with the
/// values of `request` and with slurm/job.sh in the place where it is sourced.
[[nodiscard]] std::string render_script(const JobRequest& request);

}  // namespace tilepool
