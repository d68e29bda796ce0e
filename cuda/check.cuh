#pragma once

#include <cuda_runtime.h>

#include "common/base/error.h"

namespace tilepool::gpu {

/// Throws Error(kBudget) when the device has no memory left, Error(kCuda) for all else; `call`
/// names what was refused.
inline void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  fail(code == cudaErrorMemoryAllocation ? ErrorCode::kBudget : ErrorCode::kCuda,
       "{} failed on the GPU: {}", call, cudaGetErrorString(code));
}

}  // namespace tilepool::gpu
