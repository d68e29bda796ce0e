// The parts of CUB that cuda/ uses, on the emulated device. As there, a first call without
// temporary memory asks how much is needed.
#pragma once

#include <cuda_runtime.h>

namespace cub {
namespace emulation {

inline bool only_asks(void* temporary, std::size_t& bytes) {
  if (temporary == nullptr) bytes = 256;
  return temporary == nullptr;
}

}  // namespace emulation

struct DeviceScan {
  template <class In, class Out, class Count>
  static cudaError_t ExclusiveSum(void* temporary, std::size_t& bytes, In in, Out out, Count count,
                                  cudaStream_t stream) {
    if (emulation::only_asks(temporary, bytes)) return cudaSuccess;
    return cuda_emulation::enqueue(stream, [=] {
      std::remove_cvref_t<decltype(*out)> sum{};
      for (Count i = 0; i < count; ++i) {
        const auto value = static_cast<decltype(sum)>(in[i]);
        out[i] = sum;
        sum = static_cast<decltype(sum)>(sum + value);
      }
    });
  }
  template <class In, class Out, class Count>
  static cudaError_t InclusiveSum(void* temporary, std::size_t& bytes, In in, Out out, Count count,
                                  cudaStream_t stream) {
    if (emulation::only_asks(temporary, bytes)) return cudaSuccess;
    return cuda_emulation::enqueue(stream, [=] {
      std::remove_cvref_t<decltype(*out)> sum{};
      for (Count i = 0; i < count; ++i) {
        sum = static_cast<decltype(sum)>(sum + static_cast<decltype(sum)>(in[i]));
        out[i] = sum;
      }
    });
  }
};

}  // namespace cub
