#include <cstdint>

#include "cuda/check.cuh"
#include "cuda/handles.h"

namespace tilepool::gpu {

void DestroyStream::operator()(CUstream_st* stream) const noexcept {
  (void)cudaStreamDestroy(stream);
}
void DestroyEvent::operator()(CUevent_st* event) const noexcept { (void)cudaEventDestroy(event); }
void DestroyPool::operator()(CUmemPoolHandle_st* pool) const noexcept {
  (void)cudaMemPoolDestroy(pool);
}

Stream make_stream() {
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return Stream(stream);
}

Event make_event(unsigned flags) {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, flags), "making an event");
  return Event(event);
}

Pool make_pool(int device, std::size_t keep_bytes) {
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t made = nullptr;
  check_cuda(cudaMemPoolCreate(&made, &properties), "making a memory pool");
  Pool pool(made);
  std::uint64_t keep = keep_bytes;
  check_cuda(cudaMemPoolSetAttribute(made, cudaMemPoolAttrReleaseThreshold, &keep),
             "setting up the memory pool");
  return pool;
}

}  // namespace tilepool::gpu
