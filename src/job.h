#pragma once

#include <vector>

#include "cli/command_line.h"
#include "common/model/options.h"
#include "common/mpi/runtime.h"

namespace tilepool {

/// Runs the configured job in this process's role: master and worker in one (`mpi` is nullptr or of
/// one rank), master on rank 0, worker elsewhere. Returns the exit code of this rank; the master's
/// is the run's. Errors that concern the whole run are thrown.
[[nodiscard]] int run_job(const CommandLine& command, MpiRuntime* mpi);

/// The cohort of the command's configuration; what is odd in it is warned of on stderr.
[[nodiscard]] std::vector<SlideSpec> cohort_of(const CommandLine& command, const Options& options);

/// What the resident set of one of `ranks_on_node` ranks may take: memory.host_per_rank, or its
/// share of what the node grants.
[[nodiscard]] std::size_t host_limit_bytes(const Options& options, int ranks_on_node);

/// Prints what the configured job would do on this machine: slides opened and tiles counted,
/// nothing computed. Returns 0, 66 when no slide can be used, 78 when the memory budget is too
/// small.
[[nodiscard]] int plan_job(const CommandLine& command);

}  // namespace tilepool
