#include "common/base/error.h"
#include "cuda/device.h"
#include "cuda/gpu_device.h"
#include "cuda/trace.h"

namespace tilepool {

bool cuda_compiled() { return false; }

namespace {
[[noreturn]] void fail_not_built() {
  fail(ErrorCode::kNotBuilt,
       "this tilepool was built without CUDA; build the preset release-cuda on a machine with the "
       "CUDA toolkit");
}
}  // namespace

TraceRange::TraceRange(const char* /*name*/) {}
TraceRange::~TraceRange() {}

std::vector<GpuInfo> list_gpus() { fail_not_built(); }
GpuGrant lay_out_gpu(const GpuRequest& /*request*/, std::size_t /*limit_bytes*/,
                     std::size_t /*driver_bytes*/) {
  fail_not_built();
}
GpuGrant grant_gpu(const GpuRequest& /*request*/) { fail_not_built(); }
std::unique_ptr<ComputeDevice> open_gpu(const GpuGrant& /*grant*/, Budget& /*host*/) {
  fail_not_built();
}

}  // namespace tilepool
