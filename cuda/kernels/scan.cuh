#pragma once

#include <cstddef>
#include <cstdint>

#include <cub/device/device_scan.cuh>

#include "cuda/kernels/launch.cuh"

namespace tilepool::gpu {

/// Scratch of exclusive_sum.
template <class T>
[[nodiscard]] std::size_t exclusive_sum_scratch_bytes(std::int64_t count) {
  std::size_t bytes = 0;
  T* const none = nullptr;
  check_cuda(cub::DeviceScan::ExclusiveSum(nullptr, bytes, none, none, count, cudaStream_t{}),
             "asking for the memory of a scan");
  return arena_bytes(bytes);
}

/// values[i] = the sum of the values before i.
template <class T>
void exclusive_sum(Queue& queue, T* values, std::int64_t count) {
  if (count <= 0) return;
  const ScratchScope scope(queue);
  std::size_t bytes = exclusive_sum_scratch_bytes<T>(count);
  void* const temporary = queue.scratch().take<std::byte>(bytes).data();
  check_cuda(cub::DeviceScan::ExclusiveSum(temporary, bytes, values, values, count, queue.stream()),
             "a scan");
}

}  // namespace tilepool::gpu
