#include "worker/scan_slide.h"

#include <algorithm>
#include <cmath>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/tissue_decision.h"
#include "common/run/tissue_map.h"
#include "worker/exact_tissue.h"
#include "worker/scan_geometry.h"
#include "worker/scan_image.h"
#include "worker/scan_strips.h"
#include "worker/scan_tissue.h"
#include "worker/slide_regions.h"

namespace tilepool {
namespace {

constexpr TissueRule kWidestReach{TissueMethod::kOtsu, Modality::kFluorescence, 0, 0};
constexpr std::size_t kBlockBytes = std::size_t{3} * 2048 * 2048;

std::string notes_on(const SlideInfo& info, const ScanGeometry& geometry,
                     const ScanDamage& damage) {
  std::string notes = info.mpp_problem.empty()
                          ? fmt::format("mpp {:.5g} from {}", info.mpp(), info.mpp_source)
                          : info.mpp_problem;
  if (std::fabs(info.mpp_x - info.mpp_y) > 0.1 * info.mpp()) {
    notes += fmt::format("; pixels are not square: {:.5g} x {:.5g} um", info.mpp_x, info.mpp_y);
  }
  notes += fmt::format("; scanned at level {} / {}", geometry.level, geometry.factor);
  if (!damage.parts.empty()) {
    notes += fmt::format("; {} parts cannot be read and count as tissue: {}", damage.parts.size(),
                         damage.reason);
  }
  return notes;
}

std::size_t scratch_bytes(const ScanGeometry& geometry, const TissueLengths& lengths) {
  return std::max(raw_tissue_scratch_bytes(geometry.width, geometry.height) +
                      arena_bytes(static_cast<std::size_t>(geometry.width * geometry.height)),
                  clean_tissue_scratch_bytes(geometry.width, geometry.height, lengths));
}

ImageView<std::uint8_t> plane_of(const TissueMap& map, Buffer<std::uint8_t>& pixels) {
  return {pixels.data(), map.width, map.height, map.width};
}

void fill(ImageView<std::uint8_t> mask, const std::vector<Rect>& parts) {
  for (const Rect& part : parts)
    for (std::int64_t y = part.y; y < part.y + part.h; ++y)
      std::fill_n(mask.row(y) + part.x, part.w, std::uint8_t{1});
}

/// The cohort's threshold is not known yet.
void judge_variance(SlideScan& scan, ConstRgbView rgb, Arena& scratch, Budget& budget) {
  TissueMap& map = scan.tissue;
  map.variance = Buffer<std::uint16_t>(budget, static_cast<std::size_t>(rgb.pixels()),
                                       "a slide's variance map");
  scan_variance(rgb, scan.modality, variance_radius_px(scan.info.mpp() * map.downsample), scratch,
                {map.variance.data(), map.width, map.height, map.width});
  scan.tissue_fraction.assign(checked_cast<std::size_t>(scan.grid.tiles()), 0.0F);
}

std::string note_on(const ExactTissue& exact) {
  if (exact.judged == 0) return "";
  std::string note = fmt::format(
      "; tissue counted at level 0 in {} of {} tiles: of what the scan calls tissue at least "
      "{:.0f} % is, of the rest at most {:.0f} %",
      exact.judged, exact.candidates, 100 * exact.kept, 100 * exact.found);
  if (exact.unreadable > 0) note += fmt::format("; {} of them cannot be read", exact.unreadable);
  return note;
}

/// Mask and fractions of a method that needs no other slide. Returns what there is to note.
std::string judge_tissue(SlideScan& scan, const ScanGeometry& geometry, const ScanDamage& damage,
                         const TissueOptions& options, const SlideRegions& regions,
                         SlideSource& source, Budget& budget) {
  TissueMap& map = scan.tissue;
  const ConstRgbView rgb{map.rgb.data(), map.width, map.height, 3 * map.width};
  const auto pixels = static_cast<std::size_t>(rgb.pixels());
  const TissueLengths lengths = tissue_lengths(scan.info, map.downsample, options);
  TissueRule rule;
  Buffer<std::uint8_t> dark_pixels;
  {
    Arena scratch(budget, scratch_bytes(geometry, lengths), "judging a slide's tissue");
    if (options.method == TissueMethod::kVariance) {
      judge_variance(scan, rgb, scratch, budget);
      return "";
    }
    map.mask = Buffer<std::uint8_t>(budget, pixels, "a slide's tissue mask");
    const ImageView<std::uint8_t> mask = plane_of(map, map.mask);
    rule = measure_tissue(rgb, options.method, scan.modality, scratch);
    apply_tissue(rule, rgb, 1, scratch, mask);
    if (options.exact) {
      dark_pixels = Buffer<std::uint8_t>(budget, pixels, "a slide's tissue before cleaning");
      std::copy_n(mask.data, pixels, dark_pixels.data());
    }
    clean_tissue(mask, lengths, scratch);
    fill(mask, damage.parts);
  }
  regions.restrict_tissue(plane_of(map, map.mask), map.downsample, budget);
  const ImageView<const std::uint8_t> mask = plane_of(map, map.mask);
  if (!options.exact) {
    scan.tissue_fraction = tissue_fractions(mask, map.downsample, scan.grid, budget);
    return "";
  }
  const ImageView<std::uint8_t> dark = plane_of(map, dark_pixels);
  fill(dark, damage.parts);
  for (std::size_t i = 0; i < pixels; ++i) dark.data[i] &= mask.data[i];
  const ScanMasks masks{dark, mask, map.downsample};
  TileJudge judge(source, rule, masks, budget);
  return note_on(judge_exactly(scan.slide_id, scan.grid, options.min_fraction, masks, judge, budget,
                               scan.tissue_fraction));
}

/// A scan whose image is to be read; its size is that of the geometry.
SlideScan begin_scan(const SlideSpec& spec, const SlideInfo& info, const Options& options,
                     const ScanGeometry& geometry, Budget& budget) {
  check_scannable(info, options);
  SlideScan scan;
  scan.slide_id = spec.id;
  scan.path = spec.path;
  scan.info = info;
  scan.grid = slide_grid(info, options);
  TissueMap& map = scan.tissue;
  map.downsample = geometry.downsample;
  map.width = geometry.width;
  map.height = geometry.height;
  map.rgb = Buffer<std::uint8_t>(budget,
                                 checked_cast<std::size_t>(checked_mul(3 * map.width, map.height)),
                                 "a slide's scan image");
  return scan;
}

RgbView image_of(const SlideScan& scan) {
  const TissueMap& map = scan.tissue;
  return {map.rgb.data(), map.width, map.height, 3 * map.width};
}

void finish_scan(SlideScan& scan, const ScanGeometry& geometry, const ScanDamage& damage,
                 const Options& options, const SlideRegions& regions, SlideSource& source,
                 Budget& budget) {
  scan.modality = options.segment.modality == Modality::kAuto ? judge_modality(image_of(scan))
                                                              : options.segment.modality;
  const std::string note =
      judge_tissue(scan, geometry, damage, options.tissue, regions, source, budget);
  scan.notes = notes_on(scan.info, geometry, damage) + regions.note() + note;
  scan.reason = regions.reason();
  scan.annotations_print = regions.print();
}

}  // namespace

void check_scannable(const SlideInfo& info, const Options& options) {
  check(!options.tiles.mpp || std::isfinite(info.mpp()), ErrorCode::kSlide,
        "tiles.mpp needs the slide's mpp: {}", info.mpp_problem);
}

SlideScan scan_slide(const SlideSpec& spec, SlideSource& source, const Options& options,
                     Budget& budget) {
  const ScanGeometry geometry = choose_scan(source.info(), options.tissue.scan_mpp);
  SlideScan scan = begin_scan(spec, source.info(), options, geometry, budget);
  const SlideRegions regions(spec, scan.info, options.annotations, budget);
  const ScanDamage damage = read_scan_image(source, geometry, image_of(scan), budget);
  finish_scan(scan, geometry, damage, options, regions, source, budget);
  return scan;
}

std::optional<SlideScan> scan_from_strips(const SlideSpec& spec, SlideSource& source,
                                          std::int64_t count, const RunLayout& layout,
                                          const Options& options, Budget& budget) {
  const SlideInfo& info = source.info();
  const ScanGeometry geometry = choose_scan(info, options.tissue.scan_mpp);
  SlideScan scan = begin_scan(spec, info, options, geometry, budget);
  const auto damage =
      join_strips(layout, spec.id, info.fingerprint, count, geometry, image_of(scan));
  if (!damage) return std::nullopt;
  check_damage(*damage, geometry);
  const SlideRegions regions(spec, info, options.annotations, budget);
  finish_scan(scan, geometry, *damage, options, regions, source, budget);
  return scan;
}

std::size_t scan_slide_bytes(const SlideSpec& spec, const SlideInfo& info, const Options& options) {
  const ScanGeometry geometry = choose_scan(info, options.tissue.scan_mpp);
  const TissueLengths lengths = tissue_lengths(info, geometry.downsample, options.tissue);
  const auto pixels = static_cast<std::size_t>(geometry.width * geometry.height);
  const std::size_t sums =
      4 * static_cast<std::size_t>((geometry.width + 1) * (geometry.height + 1));
  const std::size_t judge =
      options.tissue.exact ? tile_judge_bytes(kWidestReach, geometry.downsample) : 0;
  const std::size_t rest = std::max({kBlockBytes, scratch_bytes(geometry, lengths), sums + judge,
                                     slide_regions_scratch_bytes(geometry.width)});
  const bool variance = options.tissue.method == TissueMethod::kVariance;
  const std::size_t packed = packed_images_bytes(geometry.width, geometry.height, variance);
  return slide_regions_bytes(spec, options.annotations) +
         (variance || options.tissue.exact ? 5 : 4) * pixels + std::max(rest, packed);
}

}  // namespace tilepool
