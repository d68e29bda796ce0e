// A CUDA runtime without a GPU, for tests: the sources of cuda/ are compiled as plain C++ against
// this header instead of the toolkit's, and their kernels run on the CPU.
//
// What it is strict about, since a real device forgives it only sometimes:
// - A stream's work is done when somebody waits for it, never earlier: results read too early are
//   not there, sources overwritten too early are seen.
// - Device memory starts as 0xCD, and is ordinary heap memory: AddressSanitizer is its memcheck.
// - The threads of a block run as fibers, in an order that a test chooses (set_order), and meet at
//   barriers; a barrier that some thread never reaches ends the program with a message.
// - There is no default stream, and memory is limited (set_device).
// Not emulated: memory order between threads (they never run at the same time), dynamic shared
// memory, cooperative grids, textures, dynamic parallelism.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <utility>

// --- Language -----------------------------------------------------------------------------------
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __shared__ static thread_local
#define __launch_bounds__(...)
#define __constant__ static
#ifndef __restrict__
#define __restrict__ __restrict
#endif

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct uint3 {
  unsigned x, y, z;
};
struct uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline int2 make_int2(int x, int y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace cuda_emulation {

void block_barrier(int line);
void warp_barrier();
int block_vote(int predicate, int kind);  // 0: or, 1: and, 2: count
/// What `lane` of this thread's warp gives for `value`; every thread of the warp must call it.
std::uint64_t exchange(std::uint64_t value, int lane);
/// The votes of the threads of this warp as bits.
unsigned ballot(bool predicate);
int lane();

}  // namespace cuda_emulation

// Of the thread that runs now.
inline thread_local uint3 threadIdx{0, 0, 0}, blockIdx{0, 0, 0};
inline thread_local dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

#define __syncthreads() ::cuda_emulation::block_barrier(__LINE__)
inline int __syncthreads_or(int predicate) { return cuda_emulation::block_vote(predicate, 0); }
inline int __syncthreads_and(int predicate) { return cuda_emulation::block_vote(predicate, 1); }
inline int __syncthreads_count(int predicate) { return cuda_emulation::block_vote(predicate, 2); }
inline void __syncwarp(unsigned = 0xFFFFFFFFU) { cuda_emulation::warp_barrier(); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __trap() { std::abort(); }

template <class T>
T __shfl_sync(unsigned, T value, int from, int width = 32) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  const int base = cuda_emulation::lane() / width * width;
  bits = cuda_emulation::exchange(bits, base + ((from % width) + width) % width);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const int inside = cuda_emulation::lane() % width;
  const int from = inside + static_cast<int>(by);
  return __shfl_sync(mask, value, from < width ? from : inside, width);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const int inside = cuda_emulation::lane() % width;
  const int from = inside - static_cast<int>(by);
  return __shfl_sync(mask, value, from >= 0 ? from : inside, width);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int by, int width = 32) {
  return __shfl_sync(mask, value, (cuda_emulation::lane() % width) ^ by, width);
}
inline unsigned __ballot_sync(unsigned, int predicate) {
  return cuda_emulation::ballot(predicate != 0);
}
inline int __any_sync(unsigned, int predicate) {
  return cuda_emulation::ballot(predicate != 0) != 0;
}

// Threads never run at the same time, so these need no more.
template <class T, class U>
T atomicAdd(T* at, U value) {
  const T old = *at;
  *at = static_cast<T>(old + static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicSub(T* at, U value) {
  const T old = *at;
  *at = static_cast<T>(old - static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicMax(T* at, U value) {
  const T old = *at;
  *at = std::max(old, static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicMin(T* at, U value) {
  const T old = *at;
  *at = std::min(old, static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicOr(T* at, U value) {
  const T old = *at;
  *at = static_cast<T>(old | static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicAnd(T* at, U value) {
  const T old = *at;
  *at = static_cast<T>(old & static_cast<T>(value));
  return old;
}
template <class T, class U>
T atomicExch(T* at, U value) {
  return std::exchange(*at, static_cast<T>(value));
}
template <class T, class U, class V>
T atomicCAS(T* at, U expected, V value) {
  const T old = *at;
  if (old == static_cast<T>(expected)) *at = static_cast<T>(value);
  return old;
}
template <class T>
T __ldg(const T* at) {
  return *at;
}

inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __popcll(unsigned long long bits) { return __builtin_popcountll(bits); }
inline int __clz(int bits) { return bits == 0 ? 32 : __builtin_clz(static_cast<unsigned>(bits)); }
inline int __clzll(long long bits) {
  return bits == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(bits));
}
inline int __ffs(int bits) { return __builtin_ffs(bits); }
inline int __ffsll(long long bits) { return __builtin_ffsll(bits); }
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) {
  by &= 31U;
  return by == 0 ? high : (high << by) | (low >> (32U - by));
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) {
  by &= 31U;
  return by == 0 ? low : (low >> by) | (high << (32U - by));
}
template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

// --- Runtime ------------------------------------------------------------------------------------
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719
};
const char* cudaGetErrorString(cudaError_t error);
const char* cudaGetErrorName(cudaError_t error);

struct CUstream_st;
struct CUevent_st;
struct CUmemPoolHandle_st;
using cudaStream_t = CUstream_st*;
using cudaEvent_t = CUevent_st*;
using cudaMemPool_t = CUmemPoolHandle_st*;
struct cudaUUID_t {
  char bytes[16];
};
struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  std::size_t totalGlobalMem;
  int multiProcessorCount;
};
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice
};
enum {
  cudaStreamNonBlocking = 1,
  cudaEventDefault = 0,
  cudaEventDisableTiming = 2,
  cudaEventBlockingSync = 1,
  cudaHostAllocDefault = 0
};
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4, cudaMemPoolAttrUsedMemHigh = 8 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
struct cudaMemLocation {
  cudaMemLocationType type;
  int id;
};
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  int handleTypes;
  cudaMemLocation location;
  void* win32SecurityAttributes;
  std::size_t maxSize;
  unsigned short usage;
  unsigned char reserved[54];
};
struct cudaLaunchAttribute;
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  std::size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes);
cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* props);
cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMallocFromPoolAsync(void** at, std::size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream);
cudaError_t cudaFreeAsync(void* at, cudaStream_t stream);
cudaError_t cudaHostAlloc(void** at, std::size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void* at);
cudaError_t cudaHostRegister(void* at, std::size_t bytes, unsigned flags);
cudaError_t cudaHostUnregister(void* at);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from,
                              std::size_t from_pitch, std::size_t width, std::size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* at, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end);
cudaError_t cudaGetLastError();

namespace cuda_emulation {

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
cudaError_t enqueue_kernel(const cudaLaunchConfig_t& config, std::function<void()> thread);

// --- For tests ----------------------------------------------------------------------------------
enum class Order { kForward, kReverse, kShuffled };
/// The order in which blocks, and the threads of a block, run from now on.
void set_order(Order order);
/// A device of this much memory; 0 bytes: no device at all. Default: one of 1 GiB.
void set_device(std::size_t memory_bytes);
/// Everything that is asked of the device from now on fails; until set_device().
void lose_device();
/// What is allocated on the device now, and at most since set_device().
std::size_t allocated_bytes();
std::size_t peak_bytes();

}  // namespace cuda_emulation

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  return cuda_emulation::enqueue_kernel(
      *config, [kernel, parameters = std::tuple<Parameters...>(arguments...)] {
        std::apply(kernel, parameters);
      });
}
