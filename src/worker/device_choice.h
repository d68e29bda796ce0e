#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/kernels/compute_device.h"
#include "common/memory/budget.h"
#include "common/model/options.h"
#include "cuda/device.h"

namespace tilepool {

/// What a rank computes on, and why: one line for the person, e.g. "the CPU computes: this tilepool
/// was built without CUDA".
struct DeviceChoice {
  Device device = Device::kCpu;  ///< kCpu or kCuda
  std::string why;
  GpuInfo gpu;      ///< of this rank
  int visible = 0;  ///< GPUs that the rank sees
  int sharers = 1;  ///< ranks of the node that compute on the same one
};

/// Resolves workers.device for the `worker`-th of `workers` ranks of this node that compute. Uses
/// no GPU yet. Throws Error(kConfig) when `cuda` is asked for and there is no usable one,
/// Error(kNotBuilt) when this program was built without CUDA.
[[nodiscard]] DeviceChoice choose_device(const Options& options, int worker, int workers);

/// A device that a rank may use, and what computing on it needs.
struct DeviceGrant {
  std::string name;             ///< "cpu" or the card's
  std::string uuid;             ///< empty: the CPU
  std::size_t limit_bytes = 0;  ///< of the GPU's memory
  int tiles_in_flight = 1;
  std::size_t host_bytes = 0;  ///< scratch in host memory for each of them
  /// Makes it; the budget counts its host memory.
  std::function<std::unique_ptr<ComputeDevice>(Budget&)> make;
};

/// For a rank of `threads` cores. The first use of a GPU: takes what its driver needs. Throws
/// Error(kBudget) when memory.device_per_rank is too small, with what would do.
[[nodiscard]] DeviceGrant grant_device(const DeviceChoice& choice, const Options& options,
                                       int threads);

}  // namespace tilepool
