// The emulated device itself: a test that relies on it must be able to fail.
#include <vector>

#include "cuda/device_test.h"
#include "cuda/kernels/launch.cuh"

namespace tilepool {
namespace {

using testing::kOrders;

class EmulatedDevice : public testing::DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Orders, EmulatedDevice, kOrders);

__global__ void reverse_in_block(int* values) {
  __shared__ int shared[64];
  shared[threadIdx.x] = values[gpu::element()];
  __syncthreads();
  values[gpu::element()] = shared[blockDim.x - 1 - threadIdx.x];
}

TEST_P(EmulatedDevice, ThreadsOfABlockMeetAtBarriers) {
  std::vector<int> values(192);
  for (int i = 0; i < 192; ++i) values[static_cast<std::size_t>(i)] = i;
  const std::span<int> there = up(values);
  gpu::launch(queue(), "reverse", reverse_in_block, dim3(3), dim3(64), there.data());
  const std::vector<int> got = down(std::span<const int>(there));
  for (int i = 0; i < 192; ++i)
    EXPECT_EQ(got[static_cast<std::size_t>(i)], i / 64 * 64 + 63 - i % 64);
}

__global__ void sum_of_warp(int* values) {
  int sum = values[gpu::element()];
  for (unsigned step = 16; step > 0; step /= 2) sum += __shfl_down_sync(0xFFFFFFFFU, sum, step);
  const unsigned odd = __ballot_sync(0xFFFFFFFFU, threadIdx.x % 2);
  if (threadIdx.x % 32 == 0) values[gpu::element()] = sum + (odd == 0xAAAAAAAAU ? 0 : 1000000);
}

TEST_P(EmulatedDevice, WarpsExchangeValues) {
  const std::span<int> there = up(std::vector<int>(128, 3));
  gpu::launch(queue(), "sum", sum_of_warp, dim3(2), dim3(64), there.data());
  const std::vector<int> got = down(std::span<const int>(there));
  for (const std::size_t first : {0U, 32U, 64U, 96U}) EXPECT_EQ(got[first], 96);
}

__global__ void add_one(int* value) { *value += 1; }

TEST_P(EmulatedDevice, DoesNothingUntilSomebodyWaits) {
  const std::span<int> there = up(std::vector<int>{41});
  gpu::launch(queue(), "add", add_one, dim3(1), dim3(1), there.data());
  int got = 0;
  queue().download(std::span<const int>(there), std::span<int>(&got, 1));
  EXPECT_EQ(got, 0);
  queue().wait();
  EXPECT_EQ(got, 42);
}

__global__ void half_a_barrier() {
  if (threadIdx.x < 16) __syncwarp();
}

TEST_P(EmulatedDevice, ABarrierThatSomeNeverReachEndsTheProgram) {
  EXPECT_DEATH(
      {
        gpu::launch(queue(), "half", half_a_barrier, dim3(1), dim3(32));
        queue().wait();
      },
      "not every thread of a warp");
}

TEST_P(EmulatedDevice, RefusesWhatARealOneRefuses) {
  EXPECT_THROW(gpu::launch(queue(), "add", add_one, dim3(0), dim3(1), nullptr), Error);
  EXPECT_THROW(gpu::launch(queue(), "add", add_one, dim3(1), dim3(2048), nullptr), Error);
  gpu::DeviceMemory memory(0, std::size_t{1} << 33);
  EXPECT_THROW(gpu::Queue(memory, std::size_t{1} << 32), Error) << "the device has 1 GiB";
  cuda_emulation::lose_device();
  EXPECT_THROW(queue().wait(), Error);
  cuda_emulation::set_device(std::size_t{1} << 30);
}

}  // namespace
}  // namespace tilepool
