#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/kernels/backend.h"

namespace tilepool {

/// What a rank computes on: the CPU (CpuDevice) or a GPU (make_gpu_device). Thread-safe.
class ComputeDevice {
 public:
  virtual ~ComputeDevice() = default;
  /// One for each tile in flight, each for a thread of its own. Throws Error(kBudget) when the
  /// device has no memory for another one.
  [[nodiscard]] virtual std::unique_ptr<Backend> make_backend() = 0;
  /// Makes ready a buffer from which tiles are computed, until what it returns goes.
  [[nodiscard]] virtual std::shared_ptr<void> prepare(std::span<std::uint8_t> pixels) = 0;

  struct Use {
    double busy_s = 0;           ///< time in which the device was computing something
    std::size_t peak_bytes = 0;  ///< most memory of the device in use at once
  };
  /// Of a GPU; zeros of the CPU, whose threads and memory are counted elsewhere.
  [[nodiscard]] virtual Use use() const = 0;
};

}  // namespace tilepool
