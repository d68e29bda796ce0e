#pragma once

#include <string>

#include "common/model/options.h"

namespace tilepool {

/// What a rank computes on, and why: one line for the person, e.g. "the CPU computes: this tilepool
/// was built without CUDA".
struct DeviceChoice {
  Device device = Device::kCpu;
  std::string why;
};

/// Resolves workers.device. Throws Error(kNotBuilt) when `cuda` is asked for: the kernels have no
/// GPU twins in this version.
[[nodiscard]] DeviceChoice choose_device(Device wanted);

}  // namespace tilepool
