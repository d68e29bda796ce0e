#include "common/run/tissue_decision.h"

#include <algorithm>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/kernels/tissue_area.h"
#include "common/kernels/tissue_variance.h"
#include "common/memory/buffer.h"
#include "common/run/tissue_map.h"

namespace tilepool {

std::vector<float> tissue_fractions(ImageView<const std::uint8_t> mask, double downsample,
                                    const TileGrid& grid, Budget& budget) {
  const auto cells = checked_cast<std::size_t>(checked_mul(mask.width + 1, mask.height + 1));
  const Buffer<std::uint32_t> memory(budget, cells, "the tissue mask's area sums");
  const ImageView<std::uint32_t> sums{memory.data(), mask.width + 1, mask.height + 1,
                                      mask.width + 1};
  summed_area(mask, sums);
  std::vector<float> fractions;
  fractions.reserve(checked_cast<std::size_t>(grid.tiles()));
  for (std::int64_t row = 0; row < grid.rows(); ++row) {
    for (std::int64_t column = 0; column < grid.columns(); ++column) {
      const Rect core = grid.core(column, row);
      const double x0 = static_cast<double>(core.x) / downsample;
      const double y0 = static_cast<double>(core.y) / downsample;
      const double x1 = static_cast<double>(core.x + core.w) / downsample;
      const double y1 = static_cast<double>(core.y + core.h) / downsample;
      const double share = tissue_area(sums, x0, y0, x1, y1) / ((x1 - x0) * (y1 - y0));
      fractions.push_back(static_cast<float>(std::clamp(share, 0.0, 1.0)));
    }
  }
  return fractions;
}

void decide_tissue(SlideScan& scan, const TissueOptions& options, double variance_threshold,
                   Budget& budget) {
  if (scan.failed || options.method != TissueMethod::kVariance) return;
  TissueMap& map = scan.tissue;
  const auto pixels = checked_cast<std::size_t>(checked_mul(map.width, map.height));
  check(map.variance.size() == pixels, ErrorCode::kInternal,
        "{}: the scan was read without its variance map", scan.slide_id);
  if (map.mask.size() != pixels) map.mask = Buffer<std::uint8_t>(budget, pixels, "a tissue mask");
  const ImageView<std::uint8_t> mask{map.mask.data(), map.width, map.height, map.width};
  mask_from_variance({map.variance.data(), map.width, map.height, map.width}, variance_threshold,
                     mask);
  TissueLengths lengths = tissue_lengths(scan.info, map.downsample, options);
  lengths.margin_px = 0;  // the variance's own window reaches past the tissue already
  Arena scratch(budget, clean_tissue_scratch_bytes(map.width, map.height, lengths),
                "cleaning a tissue mask");
  clean_tissue(mask, lengths, scratch);
  scan.tissue_fraction = tissue_fractions(mask, map.downsample, scan.grid, budget);
}

}  // namespace tilepool
