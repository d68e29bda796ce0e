#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/kernels/cpu_backend.h"
#include "cuda/busy_time.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// For a GPU that has no room for a whole tile: nuclei are found on it band by band, each with as
/// many rows more as its pixels look at, and split and measured by the CPU, which has the tile.
class BandBackend : public CpuBackend {
 public:
  /// Bands get by with `device_bytes` of the device's memory; where a plan looks too far for that,
  /// the CPU does all of a tile. Host scratch as for a CpuBackend. Throws Error(kBudget) when the
  /// device has no room.
  BandBackend(DeviceMemory& memory, BusyTime& busy, std::size_t device_bytes,
              std::unique_ptr<Arena> scratch);
  /// Of a band of `rows` rows.
  [[nodiscard]] static std::size_t device_bytes(std::int64_t width, std::int64_t rows);

 protected:
  void find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside, Arena& scratch,
                   ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask) override;

 private:
  [[nodiscard]] std::int64_t rows_that_fit(std::int64_t width, std::int64_t height);
  void find_band(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside, std::int64_t first,
                 std::int64_t last, ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask);

  std::unique_ptr<Arena> host_scratch_;
  Queue queue_;
  BusyTime& busy_;
};

}  // namespace tilepool::gpu
