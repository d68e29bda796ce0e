#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"
#include "cuda/memory.h"

namespace tilepool::gpu {

/// A stream of one device and the scratch memory of what runs on it. Kernels (cuda/kernels) are
/// added to the stream and return at once; what they take from the scratch may be released as soon
/// as they were added, since the stream does one after the other. For one thread; several queues
/// run side by side. Never the default stream.
class Queue {
 public:
  /// `memory` must outlive it. Throws Error(kBudget) when the device has no room.
  Queue(DeviceMemory& memory, std::size_t scratch_bytes);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  [[nodiscard]] CUstream_st* stream() const { return stream_.get(); }
  /// Addresses on the device: the host must not touch what it hands out.
  [[nodiscard]] Arena& scratch() { return scratch_; }

  /// Adds copies; `from` and `to` must stay as they are until wait().
  template <class T>
  void upload(std::span<const T> from, std::span<T> to) {
    upload_bytes(from.data(), to.data(), from.size_bytes());
  }
  template <class T>
  void download(std::span<const T> from, std::span<T> to) {
    download_bytes(from.data(), to.data(), from.size_bytes());
  }
  /// From one place on the device to another.
  void copy(const void* from, void* to, std::size_t bytes);
  void upload_rgb(ConstRgbView from, RgbView to);
  void download_rgb(ConstRgbView from, RgbView to);
  void clear(void* at, std::size_t bytes);
  /// Waits until all that was added is done. Throws Error(kCuda) when any of it failed.
  void wait();

  /// Marks the begin and the end of what the device does between: busy_s() of a finished stretch.
  void begin_stretch();
  void end_stretch();
  struct Stretch {
    double begin_s = 0, end_s = 0;  ///< since the first queue of this device was made
  };
  /// After wait().
  [[nodiscard]] Stretch last_stretch() const;

 private:
  void upload_bytes(const void* from, void* to, std::size_t bytes);
  void download_bytes(const void* from, void* to, std::size_t bytes);

  DeviceMemory& memory_;
  Stream stream_;
  Event begin_, end_;
  Event done_;         ///< waiting for it does not keep a core busy
  DeviceBlock block_;  // after the stream, in whose order it goes
  Arena scratch_{nullptr, 0};
};

}  // namespace tilepool::gpu
