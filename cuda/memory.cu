#include <cstdint>
#include <utility>

#include "cuda/check.cuh"
#include "cuda/memory.h"

namespace tilepool::gpu {

void use_device(int device) { check_cuda(cudaSetDevice(device), "choosing the device"); }

DeviceMemory::DeviceMemory(int device, std::size_t limit_bytes)
    : device_(device), budget_(limit_bytes) {
  use_device(device);
  cudaMemPoolProps properties{};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  check_cuda(cudaMemPoolCreate(&pool_, &properties), "making a memory pool");
  std::uint64_t keep = limit_bytes;
  check_cuda(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep),
             "setting up the memory pool");
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
  check_cuda(cudaEventCreateWithFlags(&origin_, cudaEventDefault), "making an event");
  check_cuda(cudaEventRecord(origin_, stream_), "recording an event");
  check_cuda(cudaStreamSynchronize(stream_), "the first use of the device");
}

// A lost device refuses all of it, and there is nobody to tell.
DeviceMemory::~DeviceMemory() {
  if (origin_ != nullptr) (void)cudaEventDestroy(origin_);
  if (stream_ != nullptr) (void)cudaStreamDestroy(stream_);
  if (pool_ != nullptr) (void)cudaMemPoolDestroy(pool_);
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
