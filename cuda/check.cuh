#pragma once

#include <string>

#include <cuda_runtime.h>

#include "common/base/exception.h"

namespace tilepool::gpu {

/// Throws Error(kBudget) when the device has no memory left, Error(kCuda) for all else; `call`
/// names what was refused.
inline void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  throw Error(code == cudaErrorMemoryAllocation ? ErrorCode::kBudget : ErrorCode::kCuda,
              std::string(call) + " failed on the GPU: " + cudaGetErrorString(code));
}

}  // namespace tilepool::gpu
