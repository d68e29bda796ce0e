#pragma once

#include <cub/device/device_scan.cuh>

namespace cub {

struct DeviceSelect {
  template <class In, class Flag, class Out, class Selected, class Count>
  static cudaError_t Flagged(void* temporary, std::size_t& bytes, In in, Flag flags, Out out,
                             Selected selected, Count count, cudaStream_t stream) {
    if (emulation::only_asks(temporary, bytes)) return cudaSuccess;
    return cuda_emulation::enqueue(stream, [=] {
      Count n = 0;
      for (Count i = 0; i < count; ++i)
        if (flags[i]) out[n++] = in[i];
      *selected = static_cast<std::remove_cvref_t<decltype(*selected)>>(n);
    });
  }
};

}  // namespace cub
