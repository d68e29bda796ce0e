#pragma once

#include <string_view>

namespace tilepool {

/// The files of slurm/, as they are.
struct SlurmTemplates {
  std::string_view job_sh;
  std::string_view one_node, several_nodes, multi_gpu;
};
extern const SlurmTemplates slurm_templates;

}  // namespace tilepool
