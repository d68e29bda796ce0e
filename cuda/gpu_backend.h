#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/kernels/backend.h"
#include "common/memory/buffer.h"
#include "cuda/busy_time.h"
#include "cuda/kernels/regions.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// The kernels of cuda/kernels on a queue of one GPU: the pixels go up once, what is measured comes
/// down.
class GpuBackend : public Backend {
 public:
  /// For tiles of at most width x height; without `cells` find_cells() may not be called. What it
  /// takes of the device's memory is device_bytes(). The references must outlive it. Throws
  /// Error(kBudget) when the device has no room.
  GpuBackend(DeviceMemory& memory, BusyTime& busy, std::int64_t width, std::int64_t height,
             bool cells);
  [[nodiscard]] static std::size_t device_bytes(std::int64_t width, std::int64_t height,
                                                bool cells);

  void begin(RgbView rgb) override;
  void normalise(const StainMap& map, const Rect& part) override;
  [[nodiscard]] ConstRgbView host_pixels() override;
  [[nodiscard]] ColourSums<kPlainChannels> colour(const Rect& part) override;
  [[nodiscard]] std::span<const RegionBox> find_cells(const SegmentPlan& plan,
                                                      const Rect& inside) override;
  void measure_cells(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                     const Take& take) override;
  void finish() override;

 private:
  struct Batch;  ///< cells that are measured together
  void label(const SegmentPlan& plan, const Rect& inside, std::int32_t* count);
  void measure(const SegmentPlan& plan, std::span<const std::int32_t> labels, Batch& batch);
  [[nodiscard]] Regions upload_regions(std::span<const std::int32_t> labels,
                                       std::vector<RegionBox>& boxes);
  template <class T>
  void download_all(std::span<T> from, std::vector<T>& to);
  /// Waits for what was added since begin_stretch().
  void wait();

  Queue queue_;
  BusyTime& busy_;
  RgbView host_rgb_;
  bool host_is_behind_ = false;     // rgb_ was changed since
  RgbView rgb_;                     // on the device
  ImageView<std::int32_t> labels_;  // on the device
  std::vector<RegionBox> boxes_;
};

}  // namespace tilepool::gpu
