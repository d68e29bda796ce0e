#include "worker/calibrate.h"

#include <algorithm>

#include "common/base/error.h"
#include "common/kernels/gaussian.h"
#include "common/model/stain_profile_values.h"
#include "common/run/tissue_decision.h"
#include "worker/segment_calibration.h"
#include "worker/stain_fit.h"
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

/// Reads patches one after the other into one buffer.
class PatchReader {
 public:
  PatchReader(SlideSource& source, const TileGrid& squares, Budget& budget)
      : source_(source),
        squares_(squares),
        size_(window_size(squares, squares.core_px, squares.core_px)),
        pixels_(budget, checked_cast<std::size_t>(3 * size_.width * size_.height),
                "a calibration patch") {}
  [[nodiscard]] WindowSize size() const { return size_; }

  /// use(patch, window) for each patch that can be read.
  template <class Use>
  void read(const std::vector<Rect>& patches, const Use& use) {
    std::size_t failures = 0;
    std::string first;
    for (const Rect& patch : patches) {
      try {
        use(patch, read_tile(source_, squares_, patch, pixels_.span()));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kSlide) throw;
        if (failures++ == 0) first = one_line(error.what());
      }
    }
    if (failures > 0)
      failures_ = fmt::format("{} of {} calibration patches could not be read: {}", failures,
                              patches.size(), first);
  }
  /// What is to be said of those that could not; may be empty.
  [[nodiscard]] const std::string& failures() const { return failures_; }

 private:
  SlideSource& source_;
  const TileGrid squares_;
  const WindowSize size_;
  Buffer<std::uint8_t> pixels_;
  std::string failures_;
};

RgbView inside_of(const TileWindow& window) {
  const Rect& inside = window.inside;
  return window.rgb.window(inside.x, inside.y, inside.w, inside.h);
}

void append_note(const std::string& note, std::string& notes) {
  if (!note.empty()) notes += (notes.empty() ? "" : "; ") + note;
}

/// Adds the values that stain normalisation needs of a slide, or the note why it has none.
void calibrate_stains(SlideSource& source, const TileGrid& grid, Modality modality,
                      const std::vector<Rect>& patches, const Options& options, Budget& budget,
                      SlideCalibration& calibration) {
  std::string why_not = "a fluorescence slide";
  std::optional<StainProfile> profile;
  if (modality == Modality::kBrightfield)
    profile = fit_slide_stains(source, grid, patches, options, budget, why_not);
  if (profile) {
    calibration.values = stain_profile_values(*profile);
    calibration.note = why_not;  // patches that could not be read
  } else {
    calibration.note = "colours as scanned, stains not normalised: " + why_not;
  }
  calibration.values.emplace_back(kNormalisedValue, profile ? 1 : 0);
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

std::optional<StainProfile> fit_slide_stains(SlideSource& source, const TileGrid& grid,
                                             const std::vector<Rect>& patches,
                                             const Options& options, Budget& budget,
                                             std::string& note) {
  PatchReader reader(source, patch_grid(grid, options), budget);
  StainFitter fitter(options.stain.normalise, budget);
  reader.read(patches,
              [&](const Rect&, const TileWindow& window) { fitter.add(inside_of(window)); });
  auto profile = fitter.finish(note);
  append_note(reader.failures(), note);
  return profile;
}

SlideCalibration calibrate_slide(const std::string& slide_id, SlideSource& source,
                                 const TileGrid& grid, Modality modality,
                                 const std::vector<Rect>& patches, const Options& options,
                                 Budget& budget) {
  SlideCalibration calibration;
  calibration.slide_id = slide_id;
  if (options.stain.normalise != StainNormalisation::kNone)
    calibrate_stains(source, grid, modality, patches, options, budget, calibration);
  if (options.task != TaskKind::kSegment) {
    calibration.patches = patches;
    return calibration;
  }
  const std::unique_ptr<const StainMap> stains = stain_map_of(options.stain, calibration);
  const TileGrid squares = patch_grid(grid, options);
  PatchReader reader(source, squares, budget);
  SegmentCalibrator calibrator(options.segment, modality, source.info().mpp() * squares.scale());
  const WindowSize size = reader.size();
  Arena scratch(budget, calibrator.scratch_bytes(size.width, size.height), "calibrating a slide");
  reader.read(patches, [&](const Rect& patch, const TileWindow& window) {
    calibration.patches.push_back(patch);
    if (stains) normalise_stain(inside_of(window), *stains);
    scratch.reset();
    calibrator.add(window.rgb, scratch);
  });
  std::string note;
  for (const auto& value : calibrator.finish(note).to_values()) calibration.values.push_back(value);
  append_note(note, calibration.note);
  if (!reader.failures().empty() && !calibration.note.ends_with(reader.failures()))
    append_note(reader.failures(), calibration.note);
  return calibration;
}

std::size_t calibrate_slide_bytes(const Options& options) {
  constexpr std::size_t kRounding = std::size_t{64} << 12;  // of what is taken, to whole pages
  const std::int64_t edge = options.calibration.patch_px + 1;
  const auto pixels = static_cast<std::size_t>(edge * edge);
  const std::size_t smoothing =
      3 * arena_bytes(2 * pixels) + smooth_scratch_bytes(edge, edge, kLargestSmoothingRadius);
  return 3 * pixels + std::max(StainFitter::counts_bytes(), smoothing) + kRounding;
}

std::unique_ptr<const StainMap> stain_map_of(const StainOptions& options,
                                             const SlideCalibration& calibration) {
  const auto profile = stain_profile_of_values(calibration.values);
  if (options.normalise == StainNormalisation::kNone || !profile) return nullptr;
  check(options.target.has_value(), ErrorCode::kInternal, "run.json holds no /stain/target");
  return make_stain_map(*profile, *options.target);
}

}  // namespace tilepool
