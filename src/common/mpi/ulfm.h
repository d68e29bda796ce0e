#pragma once

#include <vector>

#include <mpi.h>

namespace tilepool {

/// User-level failure mitigation (the ULFM chapter of MPI's next standard) as Open MPI 5 has it,
/// looked up while the program runs: the same binary works with a library without it. There a
/// failure is never reported, and these say so.

/// Whether `code` tells of a dead peer rather than of a mistake.
[[nodiscard]] bool is_peer_failure(int code);
/// Lets receives from any rank go on after a failure was reported. Local.
void acknowledge_failures(MPI_Comm comm);
/// Ranks of `comm` that the library knows to be dead. Local.
[[nodiscard]] std::vector<int> failed_ranks(MPI_Comm comm);

/// COLLECTIVE over the living ranks of `comm`: a communicator of them alone, in the same order.
/// Throws Error(kMpi) where the library has none of this.
[[nodiscard]] MPI_Comm shrunk(MPI_Comm comm);

}  // namespace tilepool
