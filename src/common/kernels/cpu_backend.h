#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/kernels/compute_device.h"
#include "common/memory/buffer.h"

namespace tilepool {

/// The kernels of this folder, in the calling thread.
class CpuBackend : public Backend {
 public:
  /// `scratch` holds scratch_bytes() of the largest tile, or nothing when cells are never asked
  /// for; it must outlive the backend.
  explicit CpuBackend(Arena& scratch) : scratch_(scratch) {}
  /// For a tile of this size and any plan.
  [[nodiscard]] static std::size_t scratch_bytes(std::int64_t width, std::int64_t height);

  void begin(RgbView rgb) override;
  void normalise(const StainMap& map, const Rect& part) override;
  [[nodiscard]] ConstRgbView host_pixels() override { return rgb_; }
  [[nodiscard]] ColourSums<kPlainChannels> colour(const Rect& part) override;
  [[nodiscard]] std::span<const RegionBox> find_cells(const SegmentPlan& plan,
                                                      const Rect& inside) override;
  void measure_cells(const SegmentPlan& plan, std::span<const std::int32_t> labels,
                     const Take& take) override;
  void finish() override { scratch_.reset(); }
  /// The label plane of find_cells().
  [[nodiscard]] ImageView<const std::int32_t> labels() const { return labels_; }

 protected:
  /// The function of that name, which another device may take over.
  virtual void find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                           Arena& scratch, ImageView<std::uint16_t> plane,
                           ImageView<std::uint8_t> mask);

 private:
  Arena& scratch_;
  RgbView rgb_;
  ImageView<std::int32_t> labels_;
  std::span<RegionBox> boxes_;
  std::vector<HalfPixel> ring_;
};

/// The calling threads' own CPU. `budget` must outlive it.
class CpuDevice : public ComputeDevice {
 public:
  /// `scratch_bytes`: of each backend, see CpuBackend.
  CpuDevice(Budget& budget, std::size_t scratch_bytes)
      : budget_(budget), scratch_bytes_(scratch_bytes) {}
  [[nodiscard]] std::unique_ptr<Backend> make_backend() override;
  [[nodiscard]] std::shared_ptr<void> prepare(std::span<std::uint8_t> /*pixels*/) override {
    return nullptr;
  }
  [[nodiscard]] Use use() const override { return {}; }

 private:
  Budget& budget_;
  std::size_t scratch_bytes_;
};

/// The mask of nuclei before holes are filled, and the smoothed nuclear plane: the steps of
/// find_cells() whose reach is limited (find_nuclei_reach_px), so that bands of a tile can be
/// computed one by one.
void find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside, Arena& scratch,
                 ImageView<std::uint16_t> plane, ImageView<std::uint8_t> mask);
[[nodiscard]] std::size_t find_nuclei_scratch_bytes(std::int64_t width, std::int64_t height);
/// How far a pixel's result looks.
[[nodiscard]] std::int64_t find_nuclei_reach_px(const SegmentPlan& plan);

/// Cleans the mask and makes the height map that it is split by.
void raise_nuclei(const SegmentPlan& plan, ImageView<const std::uint16_t> plane, Arena& scratch,
                  ImageView<std::uint8_t> mask, ImageView<std::uint16_t> height);
/// The cells of a mask and its height map (changed): labels 1..n; returns n.
std::int32_t split_nuclei(const SegmentPlan& plan, ImageView<const std::uint8_t> mask,
                          ImageView<std::uint16_t> height, Arena& scratch,
                          ImageView<std::int32_t> labels);

}  // namespace tilepool
