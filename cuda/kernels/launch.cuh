#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "cuda/check.cuh"
#include "cuda/queue.h"
#include "cuda/scratch_scope.h"

namespace tilepool::gpu {

/// Adds a kernel to the queue. `kernel` names it in errors.
template <class... Parameters, class... Arguments>
void launch(Queue& queue, const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block,
            Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.stream = queue.stream();
  check_cuda(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
}

/// Blocks of `each` that cover `count` >= 1.
constexpr unsigned blocks_for(std::int64_t count, std::int64_t each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

/// Threads of a one-dimensional kernel's block.
inline constexpr unsigned kThreads = 256;

/// Launches one thread an element of [0, count); the kernel checks its index (element()). Nothing
/// for count 0.
template <class... Parameters, class... Arguments>
void launch_over(Queue& queue, const char* name, void (*kernel)(Parameters...), std::int64_t count,
                 Arguments&&... arguments) {
  if (count <= 0) return;
  launch(queue, name, kernel, dim3(blocks_for(count, kThreads)), dim3(kThreads),
         std::forward<Arguments>(arguments)...);
}

/// The element of a kernel started by launch_over.
__device__ __forceinline__ std::int64_t element() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

}  // namespace tilepool::gpu
