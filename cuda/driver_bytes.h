#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace tilepool::gpu {

/// The memory of the GPU `uuid` that the driver counts as this process's (NVML); nullopt where it
/// does not tell: no NVML, another PID namespace, MIG.
[[nodiscard]] std::optional<std::size_t> driver_bytes_of_process(const std::string& uuid);

}  // namespace tilepool::gpu
