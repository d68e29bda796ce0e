#include "worker/device_choice.h"

#include <algorithm>

#include "common/base/error.h"
#include "common/kernels/cpu_backend.h"
#include "common/model/gpu_share.h"
#include "cuda/gpu_device.h"
#include "worker/tile_reader.h"
#include "worker/tile_task.h"

namespace tilepool {
namespace {

DeviceChoice cpu_because(const std::string& why) {
  DeviceChoice choice;
  choice.why = "the CPU computes: " + why;
  return choice;
}

/// The GPUs of this process, or why there are none.
std::vector<GpuInfo> usable_gpus(std::string& why) {
  if (!cuda_compiled()) {
    why = "this tilepool was built without CUDA";
    return {};
  }
  try {
    std::vector<GpuInfo> gpus = list_gpus();
    if (gpus.empty()) why = "no GPU is visible";
    return gpus;
  } catch (const Error& error) {
    why = error.what();
    return {};
  }
}

DeviceGrant grant_cpu(std::size_t scratch_bytes, int threads) {
  DeviceGrant grant;
  grant.name = "cpu";
  grant.tiles_in_flight = threads;
  grant.host_bytes = scratch_bytes;
  grant.make = [scratch_bytes](Budget& budget) {
    return std::make_unique<CpuDevice>(budget, scratch_bytes);
  };
  return grant;
}

}  // namespace

DeviceChoice choose_device(const Options& options, int worker, int workers) {
  if (options.task == TaskKind::kPatches) return cpu_because("cutting patches needs no GPU");
  const Device wanted = options.workers.device;
  if (wanted == Device::kCpu) return cpu_because("as configured");
  std::string why;
  const std::vector<GpuInfo> gpus = usable_gpus(why);
  if (gpus.empty()) {
    check(wanted != Device::kCuda, cuda_compiled() ? ErrorCode::kConfig : ErrorCode::kNotBuilt,
          "/workers/device is cuda, but {}; write \"auto\" or \"cpu\", or run where a GPU is", why);
    return cpu_because(why);
  }
  DeviceChoice choice;
  choice.device = Device::kCuda;
  choice.visible = static_cast<int>(gpus.size());
  const int mine = gpu_of_rank(worker, choice.visible);
  choice.gpu = gpus[static_cast<std::size_t>(mine)];
  choice.sharers = 0;
  for (int other = 0; other < std::max(1, workers); ++other)
    choice.sharers += gpu_of_rank(other, choice.visible) == mine ? 1 : 0;
  choice.why = fmt::format(
      "the GPU computes: {} of {} visible ({}){}", mine + 1, choice.visible, choice.gpu.name,
      choice.sharers > 1 ? fmt::format(", {} ranks share it", choice.sharers) : "");
  return choice;
}

DeviceGrant grant_device(const DeviceChoice& choice, const Options& options, int threads) {
  const WindowSize window = largest_window(options);
  const std::size_t scratch = task_scratch_bytes(options, window.width, window.height);
  if (choice.device == Device::kCpu) return grant_cpu(scratch, threads);
  GpuRequest request;
  request.gpu = choice.gpu.index;
  request.uuid = choice.gpu.uuid;
  request.limit_bytes = options.memory.device_per_rank;
  request.sharers = choice.sharers;
  request.width = window.width;
  request.height = window.height;
  request.cells = options.task == TaskKind::kSegment;
  // One more than the threads can finish keeps the GPU at work.
  request.tiles_in_flight = options.workers.readers == 0 ? 1 : threads + 1;
  const GpuGrant gpu = grant_gpu(request);
  DeviceGrant grant;
  grant.name = choice.gpu.name;
  grant.uuid = choice.gpu.uuid;
  grant.limit_bytes = gpu.limit_bytes;
  grant.tiles_in_flight = gpu.tiles_in_flight;
  grant.host_bytes = gpu.in_bands ? scratch : 0;
  grant.make = [gpu](Budget& budget) { return open_gpu(gpu, budget); };
  return grant;
}

}  // namespace tilepool
