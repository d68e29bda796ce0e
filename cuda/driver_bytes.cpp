#include "cuda/driver_bytes.h"

#include <array>
#include <memory>
#include <vector>

#include <dlfcn.h>
#include <unistd.h>

namespace tilepool::gpu {
namespace {

// The few parts of NVML's interface that are used; the library belongs to the driver and is not
// there without one. https://docs.nvidia.com/deploy/nvml-api
using NvmlDevice = struct nvmlDevice_st*;
struct NvmlProcess {
  unsigned pid;
  unsigned long long used_bytes;
  unsigned gpu_instance, compute_instance;
};
constexpr int kSuccess = 0;
constexpr unsigned long long kNotAvailable = ~0ULL;

struct CloseLibrary {
  void operator()(void* library) const noexcept { ::dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

template <class Function>
Function* find(const Library& library, const char* name) {
  return reinterpret_cast<Function*>(::dlsym(library.get(), name));
}

std::optional<std::size_t> ask(const Library& nvml, const std::string& uuid) {
  const auto by_uuid = find<int(const char*, NvmlDevice*)>(nvml, "nvmlDeviceGetHandleByUUID");
  const auto processes = find<int(NvmlDevice, unsigned*, NvmlProcess*)>(
      nvml, "nvmlDeviceGetComputeRunningProcesses_v3");
  NvmlDevice device = nullptr;
  if (by_uuid == nullptr || processes == nullptr || by_uuid(uuid.c_str(), &device) != kSuccess)
    return std::nullopt;
  std::array<NvmlProcess, 256> found{};
  auto count = static_cast<unsigned>(found.size());
  if (processes(device, &count, found.data()) != kSuccess) return std::nullopt;
  const auto self = static_cast<unsigned>(::getpid());
  for (unsigned i = 0; i < count; ++i)
    if (found[i].pid == self && found[i].used_bytes != kNotAvailable) return found[i].used_bytes;
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> driver_bytes_of_process(const std::string& uuid) {
  const Library nvml(::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL));
  if (nvml == nullptr) return std::nullopt;
  const auto init = find<int()>(nvml, "nvmlInit_v2");
  const auto shutdown = find<int()>(nvml, "nvmlShutdown");
  if (init == nullptr || shutdown == nullptr || init() != kSuccess) return std::nullopt;
  const std::optional<std::size_t> bytes = ask(nvml, uuid);
  shutdown();
  return bytes;
}

}  // namespace tilepool::gpu
