#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/model/options.h"
#include "submit/cluster.h"
#include "submit/script.h"

namespace tilepool {

/// What a person asks for; what is left out follows from the configuration and the cluster.
struct JobWish {
  int nodes = 1, gpus_per_node = 0;
  std::optional<int> ranks_per_node, cpus_per_task;
  std::string memory;  ///< of each node, in Slurm's words
  std::string time;    ///< in Slurm's words
  std::string partition, account;
};

/// Nodes as they are assumed where no cluster can be asked: as many as are wished for, of 16 cores
/// and 64 GiB or what is wished for, with its GPUs.
[[nodiscard]] std::vector<NodeGroup> assumed_cluster(const JobWish& wish);

/// Chooses partition, ranks, cores, memory and time: the whole of the nodes, or with GPUs the share
/// of cores and memory that belongs to those wished for. Without a time 8 h, or the partition's
/// limit. `program` and `arguments` of the result are left empty.
/// Throws Error(kUsage) when a wish is malformed or the cluster cannot grant it, and says what it
/// has; Error(kConfig) when the configuration's device or memory contradicts the wish.
[[nodiscard]] JobRequest fit_job(const JobWish& wish, const Options& options,
                                 const std::vector<NodeGroup>& cluster);

}  // namespace tilepool
