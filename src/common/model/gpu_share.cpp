#include "common/model/gpu_share.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tilepool {

std::string gpu_sharing_problem(const std::vector<GpuClaim>& claims) {
  struct Node {
    std::map<std::string, std::vector<int>> ranks_of;  // by UUID
    int gpus = 0;
  };
  std::map<std::string, Node> nodes;
  for (const GpuClaim& claim : claims) {
    if (claim.uuid.empty()) continue;
    Node& node = nodes[claim.host];
    node.ranks_of[claim.uuid].push_back(claim.rank);
    node.gpus = std::max({node.gpus, claim.visible, claim.granted});
  }
  for (const auto& [host, node] : nodes) {
    const int used = static_cast<int>(node.ranks_of.size());
    if (node.gpus <= used) continue;
    for (const auto& [uuid, ranks] : node.ranks_of)
      if (ranks.size() > 1)
        return fmt::format(
            "on {} the ranks {} share {} while {} of {} GPUs idle: --gpus-per-task, --gpu-bind and "
            "CUDA_VISIBLE_DEVICES show ranks of a node the same card; ask Slurm for "
            "--gpus-per-node={} alone, tilepool then gives each rank its own",
            host, fmt::join(ranks, ", "), uuid, node.gpus - used, node.gpus, node.gpus);
  }
  return "";
}

}  // namespace tilepool
