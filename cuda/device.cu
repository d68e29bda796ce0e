#include <array>
#include <cstdio>

#include "cuda/check.cuh"
#include "cuda/device.h"

namespace tilepool {
namespace {

std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])));
    text += digits.data();
  }
  return text;
}

}  // namespace

bool cuda_compiled() { return true; }

std::vector<GpuInfo> list_gpus() {
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found == cudaErrorNoDevice || found == cudaErrorInsufficientDriver) return {};
  gpu::check_cuda(found, "cudaGetDeviceCount");
  std::vector<GpuInfo> gpus;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    gpu::check_cuda(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
    gpus.push_back({i, properties.name, uuid_text(properties.uuid), properties.totalGlobalMem});
  }
  return gpus;
}

}  // namespace tilepool
