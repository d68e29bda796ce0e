#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/kernels/compute_device.h"
#include "common/memory/budget.h"

namespace tilepool {

/// What a rank wants of a GPU.
struct GpuRequest {
  int gpu = 0;                             ///< CUDA's device number
  std::string uuid;                        ///< the same card, as the driver's accounting names it
  std::optional<std::size_t> limit_bytes;  ///< memory.device_per_rank; nullopt: auto
  int sharers = 1;                         ///< ranks that use this GPU, this one included
  std::int64_t width = 0, height = 0;      ///< the largest tile with its halo, px
  bool cells = true;                       ///< whether cells are looked for
  int tiles_in_flight = 2;                 ///< wanted
};

/// What it gets.
struct GpuGrant {
  GpuRequest request;
  std::size_t limit_bytes = 0;    ///< all that the rank may take of the GPU's memory
  std::size_t driver_bytes = 0;   ///< what the driver keeps for the process, part of the limit
  std::size_t backend_bytes = 0;  ///< device memory of each tile in flight
  int tiles_in_flight = 1;
  /// No tile fits as a whole: nuclei are found on the GPU band by band, and split by the CPU.
  bool in_bands = false;
};

/// Lays out a limit: as many whole tiles as wanted, else fewer, else bands. Throws Error(kBudget)
/// with the smallest limit that would do. Takes nothing of the GPU, but CUB asks it how much
/// scratch it wants.
[[nodiscard]] GpuGrant lay_out_gpu(const GpuRequest& request, std::size_t limit_bytes,
                                   std::size_t driver_bytes);

/// The first use of the GPU by this process: asks the driver what is free, and what it keeps for
/// itself. Throws Error(kBudget), Error(kCuda), or Error(kNotBuilt) without CUDA.
[[nodiscard]] GpuGrant grant_gpu(const GpuRequest& request);

/// The device. `host` counts the host memory of its backends; it must outlive the device. Throws
/// Error(kCuda) or Error(kNotBuilt).
[[nodiscard]] std::unique_ptr<ComputeDevice> open_gpu(const GpuGrant& grant, Budget& host);

}  // namespace tilepool
