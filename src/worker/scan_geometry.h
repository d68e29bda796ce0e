#pragma once

#include <cstdint>

#include "common/model/slide_info.h"

namespace tilepool {

/// The most pixels of a scan image: a slide of 100,000 x 100,000 px at 0.25 um has 9.8 million at
/// 8 um/px. Larger ones are scanned coarser, so that a scan's memory is bounded.
inline constexpr std::int64_t kMaxScanPixels = 12'000'000;

/// From which level, and by which whole factor, the scan image is averaged.
struct ScanGeometry {
  int level = 0;
  std::int64_t factor = 1;             ///< level pixels per scan pixel, each way
  double downsample = 1;               ///< level-0 pixels per scan pixel
  std::int64_t width = 0, height = 0;  ///< scan pixels
};

/// Aims at `scan_mpp` um per scan pixel; where mpp is unknown at 1000 scan pixels along the long
/// edge, within downsamples 1..32. A level may miss the aim by 10 %. Never so coarse that the long
/// edge is less than 512 scan pixels (unless the slide is smaller), nor so fine that the image
/// passes kMaxScanPixels.
[[nodiscard]] ScanGeometry choose_scan(const SlideInfo& info, double scan_mpp);

}  // namespace tilepool
