#pragma once

#include <cstdint>

#include "cuda/kernels/launch.cuh"

namespace tilepool::gpu {

struct BlockSum {
  std::int32_t before;  ///< of the threads before this one
  std::int32_t total;
};

/// Sums of `value` over the kThreads threads of a block, all of which must call it.
__device__ __forceinline__ BlockSum block_sum(std::int32_t value) {
  __shared__ std::int32_t warps[kThreads / 32];
  const unsigned lane = threadIdx.x % 32;
  std::int32_t sum = value;
  for (unsigned step = 1; step < 32; step *= 2) {
    const std::int32_t other = __shfl_up_sync(0xFFFFFFFFU, sum, step);
    if (lane >= step) sum += other;
  }
  if (lane == 31) warps[threadIdx.x / 32] = sum;
  __syncthreads();
  BlockSum result{sum - value, 0};
  for (unsigned warp = 0; warp < kThreads / 32; ++warp) {
    if (warp < threadIdx.x / 32) result.before += warps[warp];
    result.total += warps[warp];
  }
  __syncthreads();
  return result;
}

}  // namespace tilepool::gpu
