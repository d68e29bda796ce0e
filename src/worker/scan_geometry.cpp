#include "worker/scan_geometry.h"

#include <algorithm>
#include <cmath>

#include "common/base/checked.h"

namespace tilepool {
namespace {

constexpr double kSlack = 1.1;
constexpr double kLeastLongEdge = 512;

}  // namespace

ScanGeometry choose_scan(const SlideInfo& info, double scan_mpp) {
  const auto width = static_cast<double>(info.width);
  const auto height = static_cast<double>(info.height);
  const double long_edge = std::max(width, height);
  const double aim =
      std::isfinite(info.mpp()) ? scan_mpp / info.mpp() : std::clamp(long_edge / 1000, 1.0, 32.0);
  const double coarsest = std::max(1.0, std::min(aim * kSlack, long_edge / kLeastLongEdge));
  const double finest = std::sqrt(width * height / static_cast<double>(kMaxScanPixels));
  ScanGeometry scan;
  for (std::size_t level = 0; level < info.levels.size(); ++level) {
    if (info.levels[level].downsample > std::max(coarsest, finest * kSlack)) break;
    scan.level = static_cast<int>(level);
  }
  const LevelInfo& level = info.levels[static_cast<std::size_t>(scan.level)];
  const auto fits = static_cast<std::int64_t>(
      std::min(coarsest, std::max(1.0, aim) + 0.1 * level.downsample) / level.downsample);
  const auto needed = static_cast<std::int64_t>(std::ceil(finest / level.downsample));
  scan.factor = std::max({std::int64_t{1}, fits, needed});
  scan.downsample = level.downsample * static_cast<double>(scan.factor);
  scan.width = ceil_div(level.width, scan.factor);
  scan.height = ceil_div(level.height, scan.factor);
  return scan;
}

}  // namespace tilepool
