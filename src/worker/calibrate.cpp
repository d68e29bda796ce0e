#include "worker/calibrate.h"

#include <algorithm>

#include "common/base/error.h"
#include "common/run/tissue_decision.h"
#include "worker/segment_task.h"
#include "worker/tile_reader.h"

namespace tilepool {
namespace {

struct Patch {
  Rect core;
  float fraction = 0;
  std::uint64_t key = 0;
};

TileGrid patch_grid(const TileGrid& tiles, const Options& options) {
  TileGrid grid = tiles;
  grid.size_px = options.calibration.patch_px;
  grid.halo_px = 0;
  // The same scale as the tiles', exactly: core / size stays the same ratio where it is an integer.
  grid.core_px =
      std::max<std::int64_t>(1, (grid.size_px * tiles.core_px + tiles.size_px / 2) / tiles.size_px);
  return grid;
}

}  // namespace

std::vector<Rect> calibration_patches(const SlideScan& scan, const Options& options,
                                      Budget& budget) {
  const TileGrid grid = patch_grid(scan.grid, options);
  const ImageView<const std::uint8_t> mask{scan.tissue.mask.data(), scan.tissue.width,
                                           scan.tissue.height, scan.tissue.width};
  const std::vector<float> fractions = tissue_fractions(mask, scan.tissue.downsample, grid, budget);
  const auto n = static_cast<std::size_t>(options.calibration.tiles_per_slide);
  const float most = fractions.empty() ? 0 : *std::max_element(fractions.begin(), fractions.end());
  const float enough = std::min(0.5F, most);
  std::vector<Patch> patches;
  for (std::int64_t i = 0; i < grid.tiles(); ++i) {
    const float fraction = fractions[static_cast<std::size_t>(i)];
    if (fraction <= 0 || fraction < enough) continue;
    const Rect core = grid.core(i % grid.columns(), i / grid.columns());
    patches.push_back({core, fraction, tile_key(scan.slide_id, core.x, core.y, 0)});
  }
  std::sort(patches.begin(), patches.end(),
            [](const Patch& a, const Patch& b) { return a.key < b.key; });
  if (patches.size() > n) patches.resize(n);
  std::sort(patches.begin(), patches.end(), [](const Patch& a, const Patch& b) {
    return std::pair(a.core.y, a.core.x) < std::pair(b.core.y, b.core.x);
  });
  std::vector<Rect> cores;
  cores.reserve(patches.size());
  for (const Patch& patch : patches) cores.push_back(patch.core);
  return cores;
}

SlideCalibration calibrate_slide(const std::string& slide_id, SlideSource& source,
                                 const TileGrid& grid, Modality modality,
                                 const std::vector<Rect>& patches, const Options& options,
                                 Budget& budget) {
  const TileGrid squares = patch_grid(grid, options);
  const WindowSize size = window_size(squares, squares.core_px, squares.core_px);
  Buffer<std::uint8_t> pixels(budget, checked_cast<std::size_t>(3 * size.width * size.height),
                              "a calibration patch");
  SegmentCalibrator calibrator(options.segment, modality, source.info().mpp() * squares.scale());
  Arena scratch(budget, calibrator.scratch_bytes(size.width, size.height), "calibrating a slide");
  SlideCalibration calibration;
  calibration.slide_id = slide_id;
  std::string first_failure;
  std::size_t failures = 0;
  for (const Rect& patch : patches) {
    try {
      const TileWindow window = read_tile(source, squares, patch, pixels.span());
      scratch.reset();
      calibrator.add(window.rgb, scratch);
      calibration.patches.push_back(patch);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kSlide) throw;
      if (failures++ == 0) first_failure = one_line(error.what());
    }
  }
  calibration.values = calibrator.finish(calibration.note).to_values();
  if (failures > 0)
    calibration.note +=
        fmt::format("{}{} of {} calibration patches could not be read: {}",
                    calibration.note.empty() ? "" : "; ", failures, patches.size(), first_failure);
  return calibration;
}

}  // namespace tilepool
