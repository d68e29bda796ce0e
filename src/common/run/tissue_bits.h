#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// The tissue mask of a slide's scan, a bit a scan pixel: what stays in memory while its patches
/// are judged.
class TissueBits {
 public:
  /// Reads the mask of a scan file by bands. Throws Error(kHdf5).
  explicit TissueBits(const std::filesystem::path& scan_file);
  /// width x height scan pixels of `downsample` level-0 px.
  TissueBits(std::int64_t width, std::int64_t height, double downsample);

  void set(std::int64_t x, std::int64_t y);
  /// Share of the level-0 rectangle that is tissue, 0..1; scan pixels that its edge cuts count by
  /// the part inside, and what lies beyond the scan is none.
  [[nodiscard]] double share(double x, double y, double width, double height) const;

 private:
  [[nodiscard]] bool at(std::int64_t x, std::int64_t y) const;
  std::int64_t width_ = 0, height_ = 0;
  double downsample_ = 1;
  std::vector<std::uint64_t> bits_;
};

}  // namespace tilepool
