#pragma once

#include "common/run/layout.h"
#include "launch/mpirun.h"

namespace tilepool {

/// Where a run that lost ranks can start again: the hosts of its status.json on which a rank was
/// still alive and mpirun can start a process now. (Nobody knows who died when a collective call
/// stood still.) Each keeps its number of ranks. `before` when that is all of them, or nothing is
/// known. Takes as long as a host takes to refuse, at most 20 s for 16 hosts.
[[nodiscard]] RankPlacement placement_left(const RunLayout& layout, const Mpirun& mpirun,
                                           const RankPlacement& before);

}  // namespace tilepool
