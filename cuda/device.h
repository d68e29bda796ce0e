#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tilepool {

/// A GPU that this process can see.
struct GpuInfo {
  int index = 0;  ///< CUDA's device number
  std::string name;
  std::string uuid;  ///< "GPU-xxxxxxxx-xxxx-...", the same from every process
  std::size_t memory_bytes = 0;
};

/// Whether this program was built with the CUDA toolkit (TILEPOOL_CUDA).
[[nodiscard]] bool cuda_compiled();

/// The GPUs of this host that are visible to the process, in CUDA's order. Empty without a driver
/// or a card. Throws Error(kNotBuilt) where cuda_compiled() is false, Error(kCuda) when the driver
/// refuses.
[[nodiscard]] std::vector<GpuInfo> list_gpus();

}  // namespace tilepool
