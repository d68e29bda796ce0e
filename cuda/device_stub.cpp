#include "common/base/error.h"
#include "cuda/device.h"

namespace tilepool {

bool cuda_compiled() { return false; }

std::vector<GpuInfo> list_gpus() {
  fail(ErrorCode::kNotBuilt,
       "this tilepool was built without CUDA; build the preset release-cuda on a machine with the "
       "CUDA toolkit");
}

}  // namespace tilepool
