#include "worker/device_choice.h"

#include "common/base/error.h"
#include "cuda/device.h"

namespace tilepool {

DeviceChoice choose_device(Device wanted) {
  check(wanted != Device::kCuda, ErrorCode::kNotBuilt,
        "workers.device is cuda, but the kernels are not built for the GPU in this version; write "
        "\"auto\" or \"cpu\"");
  if (wanted == Device::kCpu) return {Device::kCpu, "the CPU computes, as configured"};
  if (!cuda_compiled()) return {Device::kCpu, "the CPU computes: built without CUDA"};
  const auto gpus = list_gpus();
  if (gpus.empty()) return {Device::kCpu, "the CPU computes: no GPU is visible"};
  return {Device::kCpu, "the CPU computes: the kernels are not built for the GPU in this version"};
}

}  // namespace tilepool
