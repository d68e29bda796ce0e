#pragma once

#include <cstddef>
#include <memory>

struct CUstream_st;
struct CUevent_st;
struct CUmemPoolHandle_st;

namespace tilepool::gpu {

// Owners of what the CUDA runtime hands out. A lost device refuses to destroy, and there is nobody
// to tell.
struct DestroyStream {
  void operator()(CUstream_st* stream) const noexcept;
};
struct DestroyEvent {
  void operator()(CUevent_st* event) const noexcept;
};
struct DestroyPool {
  void operator()(CUmemPoolHandle_st* pool) const noexcept;
};
using Stream = std::unique_ptr<CUstream_st, DestroyStream>;
using Event = std::unique_ptr<CUevent_st, DestroyEvent>;
using Pool = std::unique_ptr<CUmemPoolHandle_st, DestroyPool>;

/// Each throws Error(kCuda) when the driver refuses. `flags`: of cudaEventCreateWithFlags.
[[nodiscard]] Stream make_stream();
[[nodiscard]] Event make_event(unsigned flags);
/// A pool of `device` that keeps up to `keep_bytes` of what is given back.
[[nodiscard]] Pool make_pool(int device, std::size_t keep_bytes);

}  // namespace tilepool::gpu
