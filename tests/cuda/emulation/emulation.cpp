#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <ucontext.h>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_emulation {
namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "CUDA emulation: %s\n", what);
  std::abort();
}

// --- Threads of a block as fibers ---------------------------------------------------------------

constexpr std::size_t kStackBytes = 256 * 1024;
constexpr unsigned kWarp = 32;

enum class State { kReady, kAtWarpBarrier, kAtBlockBarrier, kDone };

struct Thread {
  State state = State::kReady;
  bool begun = false;
  int barrier = 0;  // its line
  std::size_t fiber = 0;
  std::uint64_t given = 0;
};

struct Fiber {
  ucontext_t context{};
  std::byte* stack = nullptr;
  void* fake_stack = nullptr;
  Fiber() {
    void* const at = ::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) give_up("no memory for a stack");
    stack = static_cast<std::byte*>(at);
  }
  ~Fiber() { ::munmap(stack, kStackBytes); }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
};

/// Runs one block at a time. A fiber takes thread after thread; one that meets a barrier is parked,
/// and another fiber goes on: kernels without barriers never switch.
class BlockRunner {
 public:
  void run(const std::function<void()>& body, const dim3& grid, const dim3& block,
           unsigned block_number, const std::vector<unsigned>& order) {
    body_ = &body;
    order_ = &order;
    next_ = 0;
    threads_.assign(std::size_t{block.x} * block.y * block.z, {});
    blockDim = block;
    gridDim = grid;
    blockIdx = {block_number % grid.x, block_number / grid.x % grid.y,
                block_number / grid.x / grid.y};
    for (;;) {
      while (next_ < threads_.size()) resume(free_fiber());
      bool ran = false;
      for (const unsigned i : order)
        if (threads_[i].state == State::kReady && threads_[i].begun) {
          current_ = i;
          resume(threads_[i].fiber);
          ran = true;
        }
      if (ran) continue;
      if (!release_barriers()) break;
    }
  }

  Thread& current() { return threads_[current_]; }
  [[nodiscard]] unsigned lane() const { return current_ % kWarp; }
  Thread& peer(unsigned lane) { return threads_.at(current_ / kWarp * kWarp + lane); }
  [[nodiscard]] unsigned lanes() const {
    const auto first = current_ / kWarp * kWarp;
    return std::min<unsigned>(kWarp, static_cast<unsigned>(threads_.size()) - first);
  }
  std::vector<Thread>& all() { return threads_; }

  void wait(State state, int line) {
    Thread& self = current();
    self.state = state;
    self.barrier = line;
    const unsigned me = current_;
    const std::size_t fiber = self.fiber;
    switch_to(fibers_[fiber]->context, home_, &fibers_[fiber]->fake_stack, nullptr, 0);
    become(me);
  }

 private:
  void become(unsigned thread) {
    current_ = thread;
    threadIdx = {thread % blockDim.x, thread / blockDim.x % blockDim.y,
                 thread / blockDim.x / blockDim.y};
  }

  // Barriers are passed when all whom they concern are there.
  bool release_barriers() {
    bool any_waits = false;
    bool released = false;
    for (std::size_t first = 0; first < threads_.size(); first += kWarp) {
      const std::size_t last = std::min(first + kWarp, threads_.size());
      std::size_t at_warp = 0;
      for (std::size_t i = first; i < last; ++i) {
        at_warp += threads_[i].state == State::kAtWarpBarrier ? 1 : 0;
        any_waits = any_waits || threads_[i].state != State::kDone;
      }
      if (at_warp == 0) continue;
      if (at_warp != last - first) give_up("not every thread of a warp reaches its barrier");
      for (std::size_t i = first; i < last; ++i) threads_[i].state = State::kReady;
      released = true;
    }
    if (released || !any_waits) return released;
    int line = -1;
    for (Thread& thread : threads_) {
      if (thread.state == State::kDone) continue;
      if (line >= 0 && thread.barrier != line)
        give_up("threads of a block meet different barriers");
      line = thread.barrier;
    }
    for (Thread& thread : threads_)
      if (thread.state == State::kAtBlockBarrier) thread.state = State::kReady;
    return true;
  }

  std::size_t free_fiber() {
    if (!free_.empty()) {
      const std::size_t fiber = free_.back();
      free_.pop_back();
      start(fiber);
      return fiber;
    }
    fibers_.push_back(std::make_unique<Fiber>());
    start(fibers_.size() - 1);
    return fibers_.size() - 1;
  }

  void start(std::size_t index) {
    Fiber& fiber = *fibers_[index];
    ::getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack;
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    const auto self = reinterpret_cast<std::uintptr_t>(this);
    ::makecontext(&fiber.context, reinterpret_cast<void (*)()>(&BlockRunner::main), 3,
                  static_cast<unsigned>(self >> 32), static_cast<unsigned>(self),
                  static_cast<unsigned>(index));
  }

  void resume(std::size_t index) {
    Fiber& fiber = *fibers_[index];
    switch_to(home_, fiber.context, &home_fake_, fiber.stack, kStackBytes);
  }

  static void main(unsigned high, unsigned low, unsigned fiber) {
    auto* const self = reinterpret_cast<BlockRunner*>((std::uintptr_t{high} << 32) | low);
    self->arrived(nullptr);
    self->loop(fiber);
  }

  void loop(std::size_t fiber) {
    while (next_ < threads_.size()) {
      const unsigned me = (*order_)[next_++];
      become(me);
      threads_[me].begun = true;
      threads_[me].fiber = fiber;
      (*body_)();
      threads_[me].state = State::kDone;
      if (parked_here(me)) break;
    }
    free_.push_back(fiber);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(nullptr, home_stack_, home_size_);
#endif
    ::setcontext(&home_);
  }

  // A fiber whose thread was parked meanwhile leaves new threads to others.
  [[nodiscard]] bool parked_here(unsigned thread) const { return threads_[thread].barrier != 0; }

  void switch_to(ucontext_t& from, ucontext_t& to, [[maybe_unused]] void** fake_stack,
                 [[maybe_unused]] const std::byte* stack, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
    if (stack != nullptr)
      __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
    else
      __sanitizer_start_switch_fiber(fake_stack, home_stack_, home_size_);
#endif
    ::swapcontext(&from, &to);
    arrived(*fake_stack);
  }

  void arrived([[maybe_unused]] void* fake_stack) {
#if defined(__SANITIZE_ADDRESS__)
    const void* stack = nullptr;
    std::size_t size = 0;
    __sanitizer_finish_switch_fiber(fake_stack, &stack, &size);
    bool own = false;
    for (const auto& fiber : fibers_) own = own || stack == fiber->stack;
    if (!own) {
      home_stack_ = stack;
      home_size_ = size;
    }
#endif
  }

  const std::function<void()>* body_ = nullptr;
  const std::vector<unsigned>* order_ = nullptr;
  std::vector<Thread> threads_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<std::size_t> free_;
  std::size_t next_ = 0;
  unsigned current_ = 0;
  ucontext_t home_{};
  void* home_fake_ = nullptr;
  const void* home_stack_ = nullptr;
  std::size_t home_size_ = 0;
};

BlockRunner& runner() {
  thread_local BlockRunner instance;
  return instance;
}

// --- The device ---------------------------------------------------------------------------------

/// A number of the environment's TILEPOOL_EMULATED_GPU, e.g. "memory_mib=512 devices=2": whole
/// programs are tested with it.
std::size_t setting(const char* name, std::size_t fallback) {
  const char* const text = std::getenv("TILEPOOL_EMULATED_GPU");
  const std::string wanted = std::string(name) + "=";
  const char* const at = text == nullptr ? nullptr : std::strstr(text, wanted.c_str());
  return at == nullptr ? fallback : std::strtoull(at + wanted.size(), nullptr, 10);
}

struct Device {
  std::mutex mutex;
  std::size_t limit = setting("memory_mib", 1024) << 20;
  int count = static_cast<int>(setting("devices", 1));
  std::size_t launches_left = setting("lost_after_launches", ~std::size_t{0});
  std::size_t used = 0, peak = 0;
  bool lost = false;
  Order order = Order::kForward;
  std::map<void*, std::size_t> blocks;
};

Device& device() {
  static Device instance;
  return instance;
}

std::vector<unsigned> make_order(std::size_t n, Order order) {
  std::vector<unsigned> numbers(n);
  for (std::size_t i = 0; i < n; ++i) numbers[i] = static_cast<unsigned>(i);
  if (order == Order::kReverse) std::reverse(numbers.begin(), numbers.end());
  std::mt19937 random(static_cast<unsigned>(n));
  if (order == Order::kShuffled) std::shuffle(numbers.begin(), numbers.end(), random);
  return numbers;
}

void run_kernel(const dim3& grid, const dim3& block, const std::function<void()>& body) {
  Order order{};
  {
    const std::lock_guard lock(device().mutex);
    order = device().order;
  }
  const auto threads = make_order(std::size_t{block.x} * block.y * block.z, order);
  for (const unsigned number : make_order(std::size_t{grid.x} * grid.y * grid.z, order))
    runner().run(body, grid, block, number, threads);
}

bool lost() {
  const std::lock_guard lock(device().mutex);
  return device().lost;
}

}  // namespace

int lane() { return static_cast<int>(runner().lane()); }
void block_barrier(int line) { runner().wait(State::kAtBlockBarrier, line); }
void warp_barrier() { runner().wait(State::kAtWarpBarrier, -1); }

int block_vote(int predicate, int kind) {
  runner().current().given = predicate != 0 ? 1 : 0;
  block_barrier(-2);
  int count = 0;
  int all = 0;
  for (const Thread& thread : runner().all()) {
    if (thread.state == State::kDone) continue;
    count += static_cast<int>(thread.given);
    ++all;
  }
  block_barrier(-3);
  return kind == 0 ? (count > 0 ? 1 : 0) : kind == 1 ? (count == all ? 1 : 0) : count;
}

std::uint64_t exchange(std::uint64_t value, int from) {
  runner().current().given = value;
  warp_barrier();
  const auto source = static_cast<unsigned>(from);
  const std::uint64_t got =
      source < runner().lanes() ? runner().peer(source).given : std::uint64_t{0xCDCDCDCDCDCDCDCDU};
  warp_barrier();
  return got;
}

unsigned ballot(bool predicate) {
  runner().current().given = predicate ? 1 : 0;
  warp_barrier();
  unsigned votes = 0;
  for (unsigned i = 0; i < runner().lanes(); ++i)
    votes |= static_cast<unsigned>(runner().peer(i).given) << i;
  warp_barrier();
  return votes;
}

}  // namespace cuda_emulation

// --- Streams, events, memory --------------------------------------------------------------------

using cuda_emulation::device;

struct CUstream_st {
  struct Work {
    std::function<void()> run;
    bool frees;  // done even when the device is lost: then nothing else is
  };
  std::mutex mutex;
  std::deque<Work> waiting;
  std::size_t begun = 0, added = 0;

  void add(std::function<void()> run, bool frees) {
    const std::lock_guard lock(mutex);
    waiting.push_back({std::move(run), frees});
    ++added;
  }
  /// Does what was added before `end`.
  void run_until(std::size_t end) {
    const std::lock_guard lock(mutex);
    while (begun < end && !waiting.empty()) {
      const Work work = std::move(waiting.front());
      waiting.pop_front();
      ++begun;
      if (work.frees || !cuda_emulation::lost()) work.run();
    }
  }
};
struct CUevent_st {
  cudaStream_t stream = nullptr;
  std::size_t position = 0;
  std::shared_ptr<std::chrono::steady_clock::time_point> time =
      std::make_shared<std::chrono::steady_clock::time_point>();
};
struct CUmemPoolHandle_st {
  std::size_t limit = 0;
};

namespace cuda_emulation {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  if (lost()) return cudaErrorLaunchFailure;
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  stream->add(std::move(work), false);
  return cudaSuccess;
}

cudaError_t enqueue_kernel(const cudaLaunchConfig_t& config, std::function<void()> thread) {
  const std::size_t threads =
      std::size_t{config.blockDim.x} * config.blockDim.y * config.blockDim.z;
  const bool fits = threads > 0 && threads <= 1024 && config.gridDim.x > 0 &&
                    config.gridDim.x < (1U << 31) && config.gridDim.y > 0 &&
                    config.gridDim.y < 65536 && config.gridDim.z > 0 && config.gridDim.z < 65536;
  if (!fits) return cudaErrorInvalidConfiguration;
  {
    const std::lock_guard lock(device().mutex);
    if (device().launches_left == 0) device().lost = true;
    if (device().launches_left > 0) --device().launches_left;
  }
  return enqueue(config.stream, [grid = config.gridDim, block = config.blockDim,
                                 thread = std::move(thread)] { run_kernel(grid, block, thread); });
}

void set_order(Order order) {
  const std::lock_guard lock(device().mutex);
  device().order = order;
}
void set_device(std::size_t memory_bytes) {
  const std::lock_guard lock(device().mutex);
  device().limit = memory_bytes;
  device().lost = false;
  device().peak = device().used;
}
void lose_device() {
  const std::lock_guard lock(device().mutex);
  device().lost = true;
}
std::size_t allocated_bytes() {
  const std::lock_guard lock(device().mutex);
  return device().used;
}
std::size_t peak_bytes() {
  const std::lock_guard lock(device().mutex);
  return device().peak;
}

}  // namespace cuda_emulation

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    default:
      return "invalid argument";
  }
}
const char* cudaGetErrorName(cudaError_t error) { return cudaGetErrorString(error); }

cudaError_t cudaGetDeviceCount(int* count) {
  const std::lock_guard lock(device().mutex);
  *count = device().limit > 0 ? device().count : 0;
  return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  if (index < 0 || index >= device().count) return cudaErrorInvalidDevice;
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "Emulated GPU");
  for (int i = 0; i < 16; ++i) properties->uuid.bytes[i] = static_cast<char>(i + index);
  const std::lock_guard lock(device().mutex);
  properties->totalGlobalMem = device().limit;
  properties->multiProcessorCount = 4;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int index) {
  return index >= 0 && index < device().count ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  const std::lock_guard lock(device().mutex);
  *total_bytes = device().limit;
  *free_bytes = device().limit - device().used;
  return device().lost ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* props) {
  if (cuda_emulation::lost()) return cudaErrorLaunchFailure;
  *pool = new CUmemPoolHandle_st{props->maxSize};
  return cudaSuccess;
}
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  delete pool;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr attribute, void* value) {
  if (attribute != cudaMemPoolAttrUsedMemHigh) return cudaErrorInvalidValue;
  *static_cast<std::uint64_t*>(value) = cuda_emulation::peak_bytes();
  return cudaSuccess;
}
cudaError_t cudaMallocFromPoolAsync(void** at, std::size_t bytes, cudaMemPool_t, cudaStream_t) {
  const std::lock_guard lock(device().mutex);
  if (device().lost) return cudaErrorLaunchFailure;
  if (bytes > device().limit - device().used) return cudaErrorMemoryAllocation;
  *at = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*at, 0xCD, bytes);
  device().blocks[*at] = bytes;
  device().used += bytes;
  device().peak = std::max(device().peak, device().used);
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* at, cudaStream_t stream) {
  const auto give_back = [at] {
    const std::lock_guard lock(device().mutex);
    device().used -= device().blocks.at(at);
    device().blocks.erase(at);
    std::free(at);
  };
  stream->add(give_back, true);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** at, std::size_t bytes, unsigned) {
  *at = std::malloc(std::max<std::size_t>(bytes, 1));
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* at) {
  std::free(at);
  return cudaSuccess;
}
cudaError_t cudaHostRegister(void*, std::size_t, unsigned) {
  return cuda_emulation::lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaHostUnregister(void*) { return cudaSuccess; }
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  return cuda_emulation::enqueue(stream, [=] {
    if (bytes > 0) std::memcpy(to, from, bytes);
  });
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind, cudaStream_t stream) {
  if (to_pitch < width || from_pitch < width) return cudaErrorInvalidValue;
  return cuda_emulation::enqueue(stream, [=] {
    for (std::size_t y = 0; y < height && width > 0; ++y)
      std::memcpy(static_cast<char*>(to) + y * to_pitch,
                  static_cast<const char*>(from) + y * from_pitch, width);
  });
}
cudaError_t cudaMemsetAsync(void* at, int value, std::size_t bytes, cudaStream_t stream) {
  return cuda_emulation::enqueue(stream, [=] {
    if (bytes > 0) std::memset(at, value, bytes);
  });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (cuda_emulation::lost()) return cudaErrorLaunchFailure;
  *stream = new CUstream_st;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  stream->run_until(stream->added);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  stream->run_until(stream->added);
  return cuda_emulation::lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const cudaError_t error = cuda_emulation::enqueue(
      stream, [time = event->time] { *time = std::chrono::steady_clock::now(); });
  if (error != cudaSuccess) return error;
  event->stream = stream;
  event->position = stream->added;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return cuda_emulation::enqueue(stream,
                                 [from = event->stream, position = event->position, stream] {
                                   if (from != nullptr && from != stream) from->run_until(position);
                                 });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->stream != nullptr) event->stream->run_until(event->position);
  return cuda_emulation::lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event->stream == nullptr) return cudaSuccess;
  return event->stream->begun >= event->position ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
  *ms = std::chrono::duration<float, std::milli>(*end->time - *begin->time).count();
  return cudaSuccess;
}
cudaError_t cudaGetLastError() {
  return cuda_emulation::lost() ? cudaErrorLaunchFailure : cudaSuccess;
}
