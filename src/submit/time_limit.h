#pragma once

#include <optional>

namespace tilepool {

/// Seconds that this process may still take: the least of `max_runtime_s` and what Slurm's time
/// limit leaves (SLURM_JOB_END_TIME, else squeue), less a reserve for committing, a twentieth, at
/// least 5 and at most 60 s. nullopt: no limit, or none that can be found out.
[[nodiscard]] std::optional<double> time_left_s(std::optional<double> max_runtime_s);

}  // namespace tilepool
