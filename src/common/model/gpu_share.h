#pragma once

#include <string>
#include <vector>

namespace tilepool {

/// The GPU that one rank computes on.
struct GpuClaim {
  int rank = 0;
  std::string host;
  std::string uuid;  ///< the same from every process of the node; empty: the CPU
  int visible = 0;   ///< GPUs that the rank sees
  int granted = 0;   ///< GPUs that the batch system gave the job on this node; 0: it does not tell
};

/// Which of its visible GPUs a rank takes: ranks of a node that compute take turns. `node_rank` >=
/// 0 counts those ranks alone (from a communicator: SLURM_LOCALID is 0 for every rank under
/// mpirun), `visible` >= 1.
[[nodiscard]] constexpr int gpu_of_rank(int node_rank, int visible) { return node_rank % visible; }

/// Why the ranks' choice is a mistake: several on one card while another of the same node idles.
/// Names the Slurm option that causes it and the one that mends it. Empty: all is well. To share
/// cards is no mistake when every card is in use.
[[nodiscard]] std::string gpu_sharing_problem(const std::vector<GpuClaim>& claims);

}  // namespace tilepool
