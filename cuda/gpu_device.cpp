#include "cuda/gpu_device.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/kernels/cpu_backend.h"
#include "cuda/band_backend.h"
#include "cuda/busy_time.h"
#include "cuda/driver_bytes.h"
#include "cuda/gpu_backend.h"
#include "cuda/memory.h"

namespace tilepool {
namespace {

// What the driver keeps for a process where it does not say: 500 MB on an H100, less on others.
constexpr std::size_t kAssumedDriverBytes = 600 * kMiB;
// Fewer rows in a band are not worth the copying.
constexpr std::int64_t kLeastBandRows = 512;

class GpuDevice : public ComputeDevice {
 public:
  GpuDevice(const GpuGrant& grant, Budget& host)
      : grant_(grant),
        host_(host),
        memory_(grant.request.gpu, grant.limit_bytes - grant.driver_bytes) {}

  [[nodiscard]] std::unique_ptr<Backend> make_backend() override {
    const GpuRequest& want = grant_.request;
    if (!grant_.in_bands)
      return std::make_unique<gpu::GpuBackend>(memory_, busy_, want.width, want.height, want.cells);
    auto scratch =
        std::make_unique<Arena>(host_, CpuBackend::scratch_bytes(want.width, want.height),
                                "splitting the cells of one tile");
    return std::make_unique<gpu::BandBackend>(memory_, busy_, grant_.backend_bytes,
                                              std::move(scratch));
  }
  [[nodiscard]] std::shared_ptr<void> prepare(std::span<std::uint8_t> pixels) override {
    return std::make_shared<gpu::Pinned>(pixels.data(), pixels.size());
  }
  [[nodiscard]] Use use() const override {
    return {busy_.seconds(), grant_.driver_bytes + memory_.budget().peak_bytes()};
  }

 private:
  GpuGrant grant_;
  Budget& host_;
  gpu::DeviceMemory memory_;
  gpu::BusyTime busy_;
};

}  // namespace

GpuGrant lay_out_gpu(const GpuRequest& request, std::size_t limit_bytes, std::size_t driver_bytes) {
  GpuGrant grant{request, limit_bytes, driver_bytes};
  const std::size_t ours = limit_bytes - std::min(limit_bytes, driver_bytes);
  const std::size_t whole =
      gpu::GpuBackend::device_bytes(request.width, request.height, request.cells);
  const auto wanted = static_cast<std::size_t>(request.tiles_in_flight);
  if (const std::size_t fit = std::min(wanted, ours / whole); fit > 0) {
    grant.backend_bytes = whole;
    grant.tiles_in_flight = static_cast<int>(fit);
    return grant;
  }
  const std::size_t band =
      gpu::BandBackend::device_bytes(request.width, std::min(request.height, kLeastBandRows));
  const std::size_t least = request.cells ? std::min(band, whole) : whole;
  check(ours >= least, ErrorCode::kBudget,
        "/memory/device_per_rank of {} is too small: of it the driver keeps {}; the smallest that "
        "would do is {}",
        format_bytes(limit_bytes), format_bytes(driver_bytes),
        format_bytes((driver_bytes + least + kMiB - 1) / kMiB * kMiB));
  grant.in_bands = true;
  grant.tiles_in_flight = static_cast<int>(std::min(wanted, ours / band));
  grant.backend_bytes = ours / static_cast<std::size_t>(grant.tiles_in_flight);
  return grant;
}

GpuGrant grant_gpu(const GpuRequest& request) {
  gpu::use_device(request.gpu);
  const std::size_t free_now = gpu::free_bytes();
  const std::size_t driver =
      gpu::driver_bytes_of_process(request.uuid).value_or(kAssumedDriverBytes);
  // What the driver keeps for this process is no longer free.
  const std::size_t share = free_now / static_cast<std::size_t>(std::max(1, request.sharers));
  return lay_out_gpu(request, request.limit_bytes.value_or(share / 10 * 9 + driver), driver);
}

std::unique_ptr<ComputeDevice> open_gpu(const GpuGrant& grant, Budget& host) {
  return std::make_unique<GpuDevice>(grant, host);
}

}  // namespace tilepool
