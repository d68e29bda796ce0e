#include "cuda/check.cuh"
#include "cuda/queue.h"

namespace tilepool::gpu {
namespace {

cudaStream_t make_stream(int device) {
  use_device(device);
  cudaStream_t stream = nullptr;
  check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}

cudaEvent_t make_event(unsigned flags) {
  cudaEvent_t event = nullptr;
  check_cuda(cudaEventCreateWithFlags(&event, flags), "making an event");
  return event;
}

}  // namespace

Queue::Queue(DeviceMemory& memory, std::size_t scratch_bytes)
    : memory_(memory),
      stream_(make_stream(memory.device())),
      begin_(make_event(cudaEventDefault)),
      end_(make_event(cudaEventDefault)),
      done_(make_event(cudaEventBlockingSync | cudaEventDisableTiming)),
      block_(memory, scratch_bytes, stream_),
      scratch_(block_.data(), block_.size_bytes()) {}

Queue::~Queue() {
  block_ = {};  // in the stream's order, so before the stream goes
  for (cudaEvent_t event : {begin_, end_, done_}) (void)cudaEventDestroy(event);
  (void)cudaStreamDestroy(stream_);
}

void Queue::upload_bytes(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_), "copying up");
}

void Queue::download_bytes(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_), "copying down");
}

void Queue::copy(const void* from, void* to, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_), "copying");
}

void Queue::upload_rgb(ConstRgbView from, RgbView to) {
  if (from.empty()) return;
  check_cuda(cudaMemcpy2DAsync(
                 to.data, static_cast<std::size_t>(to.stride), from.data,
                 static_cast<std::size_t>(from.stride), static_cast<std::size_t>(3 * from.width),
                 static_cast<std::size_t>(from.height), cudaMemcpyHostToDevice, stream_),
             "copying pixels up");
}

void Queue::clear(void* at, std::size_t bytes) {
  if (bytes == 0) return;
  check_cuda(cudaMemsetAsync(at, 0, bytes, stream_), "clearing memory");
}

void Queue::wait() {
  check_cuda(cudaEventRecord(done_, stream_), "recording an event");
  check_cuda(cudaEventSynchronize(done_), "computing");
}

void Queue::begin_stretch() { check_cuda(cudaEventRecord(begin_, stream_), "recording an event"); }
void Queue::end_stretch() { check_cuda(cudaEventRecord(end_, stream_), "recording an event"); }

Queue::Stretch Queue::last_stretch() const {
  float begin_ms = 0;
  float length_ms = 0;
  check_cuda(cudaEventElapsedTime(&begin_ms, memory_.origin(), begin_), "reading an event");
  check_cuda(cudaEventElapsedTime(&length_ms, begin_, end_), "reading an event");
  const double begin_s = static_cast<double>(begin_ms) / 1e3;
  return {begin_s, begin_s + static_cast<double>(length_ms) / 1e3};
}

}  // namespace tilepool::gpu
