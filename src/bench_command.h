#pragma once

#include "cli/command_line.h"

namespace tilepool {

/// Measures where the time of the configured job goes on this machine: figures on stdout, and as a
/// page in `command.out`. Leaves nothing else behind. Returns 0; throws Error(kUsage) under an MPI
/// launcher, Error(kStopped) after a signal, and what run_bench throws.
[[nodiscard]] int bench_job(const CommandLine& command);

}  // namespace tilepool
