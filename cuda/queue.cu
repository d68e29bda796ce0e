#include "cuda/check.cuh"
#include "cuda/queue.h"

namespace tilepool::gpu {

Queue::Queue(DeviceMemory& memory, std::size_t scratch_bytes) : memory_(memory) {
  use_device(memory.device());
  stream_ = make_stream();
  begin_ = make_event(cudaEventDefault);
  end_ = make_event(cudaEventDefault);
  done_ = make_event(cudaEventBlockingSync | cudaEventDisableTiming);
  block_ = DeviceBlock(memory, scratch_bytes, stream_.get());
  scratch_ = Arena(block_.data(), block_.size_bytes());
}

void Queue::upload_bytes(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_.get()), "copying up");
}

void Queue::download_bytes(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_.get()),
             "copying down");
}

void Queue::copy(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_.get()), "copying");
}

void Queue::upload_rgb(ConstRgbView from, RgbView to) {
  if (from.empty()) return;
  check_cuda(cudaMemcpy2DAsync(
                 to.data, static_cast<std::size_t>(to.stride), from.data,
                 static_cast<std::size_t>(from.stride), static_cast<std::size_t>(3 * from.width),
                 static_cast<std::size_t>(from.height), cudaMemcpyHostToDevice, stream_.get()),
             "copying pixels up");
}

void Queue::download_rgb(ConstRgbView from, RgbView to) {
  if (from.empty()) return;
  check_cuda(cudaMemcpy2DAsync(
                 to.data, static_cast<std::size_t>(to.stride), from.data,
                 static_cast<std::size_t>(from.stride), static_cast<std::size_t>(3 * from.width),
                 static_cast<std::size_t>(from.height), cudaMemcpyDeviceToHost, stream_.get()),
             "copying pixels down");
}

void Queue::clear(void* at, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemsetAsync(at, 0, bytes, stream_.get()), "clearing memory");
}

void Queue::wait() {
  check_cuda(cudaEventRecord(done_.get(), stream_.get()), "recording an event");
  check_cuda(cudaEventSynchronize(done_.get()), "computing");
}

void Queue::begin_stretch() {
  check_cuda(cudaEventRecord(begin_.get(), stream_.get()), "recording an event");
}
void Queue::end_stretch() {
  check_cuda(cudaEventRecord(end_.get(), stream_.get()), "recording an event");
}

Queue::Stretch Queue::last_stretch() const {
  float begin_ms = 0;
  float length_ms = 0;
  check_cuda(cudaEventElapsedTime(&begin_ms, memory_.origin(), begin_.get()), "reading an event");
  check_cuda(cudaEventElapsedTime(&length_ms, begin_.get(), end_.get()), "reading an event");
  const double begin_s = static_cast<double>(begin_ms) / 1e3;
  return {begin_s, begin_s + static_cast<double>(length_ms) / 1e3};
}

}  // namespace tilepool::gpu
