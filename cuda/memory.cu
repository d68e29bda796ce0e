#include <utility>

#include "cuda/check.cuh"
#include "cuda/memory.h"

namespace tilepool::gpu {

void use_device(int device) { check_cuda(cudaSetDevice(device), "choosing the device"); }

DeviceMemory::DeviceMemory(int device, std::size_t limit_bytes)
    : device_(device), budget_(limit_bytes) {
  use_device(device);
  pool_ = make_pool(device, limit_bytes);
  stream_ = make_stream();
  origin_ = make_event(cudaEventDefault);
  check_cuda(cudaEventRecord(origin_.get(), stream_.get()), "recording an event");
  check_cuda(cudaStreamSynchronize(stream_.get()), "the first use of the device");
}

std::size_t free_bytes() {
  std::size_t free_now = 0;
  std::size_t total = 0;
  check_cuda(cudaMemGetInfo(&free_now, &total), "asking for free memory");
  return free_now;
}

DeviceBlock::DeviceBlock(DeviceMemory& memory, std::size_t bytes, CUstream_st* stream) {
  if (bytes == 0) return;
  memory.budget().take(bytes, "working on the GPU");
  void* at = nullptr;
  const cudaError_t code = cudaMallocFromPoolAsync(&at, bytes, memory.pool(), stream);
  if (code != cudaSuccess) {
    memory.budget().give_back(bytes);
    (void)cudaGetLastError();  // it was told; later calls must not be blamed for it
    check_cuda(code, "allocating memory");
  }
  memory_ = &memory;
  stream_ = stream;
  data_ = static_cast<std::byte*>(at);
  bytes_ = bytes;
}

DeviceBlock::~DeviceBlock() {
  if (data_ == nullptr) return;
  (void)cudaFreeAsync(data_, stream_);
  memory_->budget().give_back(bytes_);
}

DeviceBlock::DeviceBlock(DeviceBlock&& other) noexcept
    : memory_(other.memory_),
      stream_(other.stream_),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

DeviceBlock& DeviceBlock::operator=(DeviceBlock&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(stream_, other.stream_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Pinned::Pinned(void* at, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaHostRegister(at, bytes, 0), "locking host memory");
  at_ = at;
}

Pinned::~Pinned() {
  if (at_ != nullptr) (void)cudaHostUnregister(at_);
}

Pinned::Pinned(Pinned&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}

Pinned& Pinned::operator=(Pinned&& other) noexcept {
  std::swap(at_, other.at_);
  return *this;
}

}  // namespace tilepool::gpu
