#pragma once

#include <cstddef>
#include <string_view>

#include "common/memory/budget.h"
#include "common/memory/buffer.h"
#include "cuda/handles.h"

namespace tilepool::gpu {

/// Makes `device` the calling thread's. Throws Error(kCuda).
void use_device(int device);
/// Bytes that the calling thread's device has free now, for all processes.
[[nodiscard]] std::size_t free_bytes();

/// The memory of one device that this process may use: a pool with a limit, which keeps what is
/// given back for the next one. Thread-safe.
class DeviceMemory {
 public:
  /// Throws Error(kCuda) when the driver refuses.
  DeviceMemory(int device, std::size_t limit_bytes);
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  [[nodiscard]] int device() const { return device_; }
  [[nodiscard]] Budget& budget() { return budget_; }
  [[nodiscard]] const Budget& budget() const { return budget_; }
  [[nodiscard]] CUmemPoolHandle_st* pool() const { return pool_.get(); }
  /// The device's clock zero: recorded when this was made.
  [[nodiscard]] CUevent_st* origin() const { return origin_.get(); }

 private:
  int device_;
  Budget budget_;
  Pool pool_;
  Stream stream_;
  Event origin_;
};

/// Memory on a device, in the order of one stream. Move-only.
class DeviceBlock {
 public:
  DeviceBlock() = default;
  /// Throws Error(kBudget) when the limit or the device has no room.
  DeviceBlock(DeviceMemory& memory, std::size_t bytes, CUstream_st* stream);
  ~DeviceBlock();
  DeviceBlock(DeviceBlock&& other) noexcept;
  DeviceBlock& operator=(DeviceBlock&& other) noexcept;
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_; }

 private:
  DeviceMemory* memory_ = nullptr;
  CUstream_st* stream_ = nullptr;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// While it lives, host memory that somebody else owns is locked in place, so that the GPU copies
/// it at full speed while others work. Move-only.
class Pinned {
 public:
  Pinned() = default;
  /// Throws Error(kCuda) when the system does not let memory be locked.
  Pinned(void* at, std::size_t bytes);
  ~Pinned();
  Pinned(Pinned&& other) noexcept;
  Pinned& operator=(Pinned&& other) noexcept;

 private:
  void* at_ = nullptr;
};

}  // namespace tilepool::gpu
