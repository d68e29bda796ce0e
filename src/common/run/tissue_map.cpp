#include "common/run/tissue_map.h"

#include <algorithm>
#include <cmath>

#include "common/kernels/morphology.h"
#include "common/kernels/tissue_regions.h"

namespace tilepool {
namespace {

constexpr double kMarginUm = 35;
constexpr double kCoreRadiusUm = 8;
constexpr double kMaxDiskPx = 254;  // make_disk

std::int64_t whole_px(double area) { return std::max<std::int64_t>(1, std::llround(area)); }

TissueLengths lengths_without_mpp(const SlideInfo& info, double downsample) {
  const auto width = static_cast<double>(info.width);
  const auto height = static_cast<double>(info.height);
  const double slide_px = width * height;
  const double scan_px = downsample * downsample;
  TissueLengths lengths;
  lengths.margin_px = std::min(50.0, std::max(width, height) / 36) / downsample;
  lengths.core_radius_px = 3;
  lengths.min_object_px = whole_px(std::min(300'000.0, slide_px / 500) / scan_px);
  lengths.max_hole_px = whole_px(std::min(300'000.0, slide_px / 6) / scan_px);
  return lengths;
}

}  // namespace

TissueLengths tissue_lengths(const SlideInfo& info, double downsample,
                             const TissueOptions& options) {
  TissueLengths lengths;
  if (std::isfinite(info.mpp())) {
    const double um = info.mpp() * downsample;
    lengths.margin_px = kMarginUm / um;
    lengths.core_radius_px = std::max(1.0, std::round(kCoreRadiusUm / um));
    lengths.min_object_px = whole_px(options.min_object_um2 / (um * um));
    lengths.max_hole_px = whole_px(options.max_hole_um2 / (um * um));
  } else {
    lengths = lengths_without_mpp(info, downsample);
  }
  lengths.margin_px = std::min(lengths.margin_px, kMaxDiskPx);
  lengths.core_radius_px = std::min(lengths.core_radius_px, kMaxDiskPx);
  return lengths;
}

void clean_tissue(ImageView<std::uint8_t> mask, const TissueLengths& lengths, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  const auto cores = scratch.take_image<std::uint8_t>(mask.width, mask.height);
  erode(mask, make_disk(lengths.core_radius_px), scratch, cores);
  keep_regions(mask, lengths.min_object_px, cores, scratch);
  dilate(mask, make_disk(lengths.margin_px), scratch, mask);
  fill_background(mask, lengths.max_hole_px, scratch);
  scratch.release(mark);
}

std::size_t clean_tissue_scratch_bytes(std::int64_t width, std::int64_t height,
                                       const TissueLengths& lengths) {
  const std::size_t disks =
      std::max(morphology_scratch_bytes(width, height, make_disk(lengths.core_radius_px)),
               morphology_scratch_bytes(width, height, make_disk(lengths.margin_px)));
  return arena_bytes(static_cast<std::size_t>(width * height)) +
         std::max(disks, regions_scratch_bytes(width, height));
}

}  // namespace tilepool
