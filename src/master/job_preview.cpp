#include "master/job_preview.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numbers>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/annotation/annotations.h"
#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/units.h"
#include "common/memory/budget.h"
#include "common/model/tile_grid.h"
#include "common/slide/file_probe.h"
#include "common/slide/source.h"
#include "report/html.h"
#include "report/text_table.h"

namespace tilepool {
namespace {

/// Pixels that a thread reads and segments, or reads and averages, in a second. `tilepool run` in
/// one process on 16 H&E tiles of 1024 px (JPEG in TIFF, given 0.25 um/px), build with -O2, on a
/// loaded 2-core virtual machine: 24.6 Mpx in 3.1 s of CPU time segmented, 18.0 Mpx in 1.0 s
/// averaged, start included; rounded down. Other slides and machines differ by several times: a
/// guess, and called one.
constexpr double kSegmentPxPerThread_s = 6e6;
constexpr double kFeaturesPxPerThread_s = 15e6;
constexpr double kBytesPerPixel = 3;

/// Sum of (core + 2 halo) over the tiles along one axis, analysis px.
double extent(std::int64_t level0_px, const TileGrid& grid) {
  const auto tiles = static_cast<double>(ceil_div(level0_px, grid.core_px));
  return static_cast<double>(level0_px) / grid.scale() +
         2 * static_cast<double>(grid.halo_px) * tiles;
}

/// Pixels of the coarsest level that is at least as fine as the scan wants.
double scan_pixels(const SlideInfo& info, double scan_mpp) {
  const double wanted = std::isfinite(info.mpp()) ? scan_mpp / info.mpp() : 32.0;
  double pixels = static_cast<double>(info.width) * static_cast<double>(info.height);
  for (const LevelInfo& level : info.levels)
    if (level.downsample <= 1.1 * wanted)
      pixels = static_cast<double>(level.width) * static_cast<double>(level.height);
  return pixels;
}

/// 0 when it cannot be told.
std::uint64_t file_bytes(const std::string& path) {
  std::error_code error;
  const std::uint64_t bytes = std::filesystem::file_size(path, error);
  return error ? 0 : bytes;
}

void read_regions(const SlideSpec& spec, const SlideInfo& info, PreviewSlide& slide) {
  slide.region_names = region_names(read_annotations(spec.annotations, info));
  slide.annotated = true;
}

void open_and_count(const Options& options, const SlideSpec& spec, PreviewSlide& slide) {
  const SlideInfo info = open_slide(spec.path, spec.mpp, options.workers.reader)->info();
  if (!has_companion_files(spec.path)) slide.staged_bytes = file_bytes(spec.path);
  slide.vendor = info.vendor;
  slide.width = info.width;
  slide.height = info.height;
  slide.mpp_x = info.mpp_x;
  slide.mpp_y = info.mpp_y;
  slide.mpp_source = info.mpp_source;
  slide.scan_px = scan_pixels(info, options.tissue.scan_mpp);
  const TileGrid grid = slide_grid(info, options);
  slide.tiles = grid.tiles();
  slide.tile_px = extent(info.width, grid) * extent(info.height, grid);
  slide.tile_mpp = info.mpp() * grid.scale();
  if (options.annotations.used() && !spec.annotations.empty()) read_regions(spec, info, slide);
  if (options.task == TaskKind::kSegment && !std::isfinite(info.mpp()))
    slide.problem =
        (info.mpp_problem.empty() ? "the slide does not tell its mpp" : info.mpp_problem) +
        " (skipped instead if it has no tissue)";
}

PreviewSlide preview_slide(const Options& options, const SlideSpec& spec) {
  PreviewSlide slide;
  slide.id = spec.id;
  slide.path = spec.path;
  slide.group = spec.group;
  slide.problem = spec.problem;
  if (!slide.problem.empty()) return slide;
  try {
    open_and_count(options, spec, slide);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kSlide && error.code() != ErrorCode::kNoInput) throw;
    slide.problem = one_line(error.what());
  }
  return slide;
}

std::int64_t sample_size(const SampleOptions& sample, std::int64_t pool) {
  if (pool == 0) return 0;
  if (sample.count) return std::min(pool, *sample.count);
  const auto share =
      static_cast<std::int64_t>(std::floor(sample.fraction * static_cast<double>(pool) + 0.5));
  return std::min(pool, std::max<std::int64_t>(1, share));
}

// A cell belongs to the tile whose core holds its centroid. A disk of area A reaches sqrt(A / pi)
// from there; twice that, the disk's diameter, is the reach of an ellipse four times as long as
// wide.
void warn_of_small_halo(const Options& options, JobPreview& preview) {
  if (options.task != TaskKind::kSegment) return;
  for (const CellClass& cell : options.segment.classes) {
    const double reach_um = std::sqrt(4 * cell.max_area_um2 / std::numbers::pi);
    const PreviewSlide* worst = nullptr;
    std::size_t slides = 0;
    for (const PreviewSlide& slide : preview.slides) {
      if (!(static_cast<double>(options.tiles.halo_px) * slide.tile_mpp < reach_um)) continue;
      ++slides;
      if (worst == nullptr || slide.tile_mpp < worst->tile_mpp) worst = &slide;
    }
    if (worst == nullptr) continue;
    preview.warnings.push_back(fmt::format(
        "class {}: a cell of max_area_um2 {} is {:.1f} um across, but the halo of {} px is {:.1f} "
        "um on {} ({} of {} slides are concerned); such cells may be cut at tile borders: set "
        "tiles.halo_px to at least {:.0f}",
        cell.name, cell.max_area_um2, reach_um, options.tiles.halo_px,
        static_cast<double>(options.tiles.halo_px) * worst->tile_mpp, worst->id, slides,
        preview.slides.size(), std::ceil(reach_um / worst->tile_mpp)));
  }
}

// A name that no slide has is a slip of the pen, or the files are not those that were meant.
void warn_of_regions(const AnnotationOptions& options, JobPreview& preview) {
  if (!options.used()) return;
  std::set<std::string> known;
  std::vector<std::string> bare;
  for (const PreviewSlide& slide : preview.slides) {
    known.insert(slide.region_names.begin(), slide.region_names.end());
    if (!slide.annotated && slide.problem.empty()) bare.push_back(slide.id);
  }
  const auto warn = [&](const char* key, const std::string& name) {
    if (known.contains(name)) return;
    preview.warnings.push_back(
        fmt::format("/annotations/{}: no slide has a region called \"{}\"; there are {}", key, name,
                    known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
  };
  for (const std::string& name : options.include) warn("include", name);
  for (const std::string& name : options.exclude) warn("exclude", name);
  for (const AnnotationClass& one : options.classes) warn("classes", one.name);
  if (!options.include.empty() && !bare.empty())
    preview.warnings.push_back(
        fmt::format("{} of {} slides have no file of annotations and would be skipped: {}",
                    bare.size(), preview.slides.size(), fmt::join(bare, ", ")));
}

void warn_of_memory(JobPreview& preview) {
  if (preview.memory_fits()) return;
  preview.warnings.push_back(fmt::format(
      "a rank may take {}, but these tiles need {}: the run would be refused; set "
      "memory.host_per_rank to at least {}MiB, run fewer ranks on the node, or make tiles.size_px "
      "smaller",
      format_bytes(preview.machine.limit_bytes), format_bytes(preview.machine.smallest_limit_bytes),
      advised_limit_mib(preview.machine.smallest_limit_bytes)));
}

void estimate(const Options& options, JobPreview& preview) {
  double tile_px = 0;
  for (const PreviewSlide& slide : preview.slides) {
    preview.scan_px += slide.scan_px;
    if (!slide.problem.empty()) continue;
    preview.staged_bytes += slide.staged_bytes;
    preview.tiles += slide.tiles;
    tile_px += slide.tile_px;
  }
  preview.sample_most = sample_size(options.sample, preview.tiles);
  const auto edge = static_cast<double>(options.tiles.size_px + 2 * options.tiles.halo_px);
  preview.sample_px = std::min(tile_px, static_cast<double>(preview.sample_most) * edge * edge);
  preview.px_per_thread_s =
      options.task == TaskKind::kSegment ? kSegmentPxPerThread_s : kFeaturesPxPerThread_s;
  const double threads =
      std::max(1, preview.machine.workers) * std::max(1, preview.machine.threads);
  preview.seconds =
      (preview.sample_px / preview.px_per_thread_s + preview.scan_px / kFeaturesPxPerThread_s) /
      threads;
}

std::string mpp_text(const PreviewSlide& slide) {
  if (!std::isfinite(slide.mpp_x)) return "unknown";
  return slide.mpp_x == slide.mpp_y ? fmt::format("{:.4f}", slide.mpp_x)
                                    : fmt::format("{:.4f} x {:.4f}", slide.mpp_x, slide.mpp_y);
}

std::string table(const JobPreview& preview) {
  using Align = TextTable::Align;
  TextTable table({{"slide"},
                   {"vendor"},
                   {"size px", Align::kRight},
                   {"um/px", Align::kRight},
                   {"from"},
                   {"tiles", Align::kRight},
                   {"would"}});
  for (const PreviewSlide& slide : preview.slides)
    table.add({shortened(slide.id, 48), slide.vendor,
               slide.width > 0 ? fmt::format("{} x {}", slide.width, slide.height) : "",
               slide.width > 0 ? mpp_text(slide) : "", slide.mpp_source,
               slide.width > 0 ? grouped(slide.tiles) : "",
               slide.problem.empty() ? "run" : "fail: " + slide.problem});
  return table.text();
}

std::string memory_line(const PreviewMachine& machine) {
  if (machine.limit_bytes == 0 || machine.smallest_limit_bytes == 0) return "";
  return fmt::format("memory     {} per rank; {} is the least that these tiles need\n",
                     format_bytes(machine.limit_bytes), format_bytes(machine.smallest_limit_bytes));
}

std::string staging_line(const JobPreview& preview) {
  if (preview.stage.empty()) return "";
  const std::string limit =
      preview.stage_limit == 0 ? "90 % of what is free there" : format_bytes(preview.stage_limit);
  return fmt::format("staging    {} of slides to {} on each node that reads them, at most {}\n",
                     format_bytes(preview.staged_bytes), preview.stage, limit);
}

std::string totals(const JobPreview& preview) {
  const double share = preview.tiles > 0 ? static_cast<double>(preview.sample_most) : 0;
  std::string text;
  text += fmt::format("slides     {}: {} to run, {} would fail\n", preview.slides.size(),
                      preview.slides.size() - preview.failing(), preview.failing());
  text += fmt::format("grid       {} tiles of {} px with a halo of {} px\n", grouped(preview.tiles),
                      preview.size_px, preview.halo_px);
  text += fmt::format("sample     at most {} ({} of the grid); the pool is known after the scan\n",
                      counted(static_cast<std::uint64_t>(preview.sample_most), "tile"),
                      percent(share, static_cast<double>(preview.tiles)));
  text += fmt::format("to read    at most {} Mpx of tiles ({}) and about {} Mpx to scan\n",
                      significant(preview.sample_px * 1e-6),
                      format_bytes(static_cast<std::size_t>(preview.sample_px * kBytesPerPixel)),
                      significant(preview.scan_px * 1e-6));
  text += fmt::format(
      "time       at most about {} on {} of {}; a guess, from {} Mpx/s a thread\n",
      format_duration(preview.seconds),
      counted(static_cast<std::uint64_t>(std::max(1, preview.machine.workers)), "worker"),
      counted(static_cast<std::uint64_t>(std::max(1, preview.machine.threads)), "thread"),
      significant(preview.px_per_thread_s * 1e-6));
  return text + staging_line(preview) + memory_line(preview.machine);
}

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string as_json(const JobPreview& preview) {
  Json slides = Json::array();
  for (const PreviewSlide& slide : preview.slides)
    slides.push_back({{"id", slide.id},
                      {"path", slide.path},
                      {"group", slide.group},
                      {"vendor", slide.vendor},
                      {"problem", slide.problem},
                      {"width", slide.width},
                      {"height", slide.height},
                      {"mpp_x", number_or_null(slide.mpp_x)},
                      {"mpp_y", number_or_null(slide.mpp_y)},
                      {"mpp_source", slide.mpp_source},
                      {"tiles", slide.tiles}});
  const Json document = {{"slides", std::move(slides)},
                         {"failing", preview.failing()},
                         {"tiles", preview.tiles},
                         {"sample_at_most", preview.sample_most},
                         {"sample_pixels_at_most", preview.sample_px},
                         {"scan_pixels", preview.scan_px},
                         {"seconds_at_most", preview.seconds},
                         {"pixels_per_thread_second_guess", preview.px_per_thread_s},
                         {"workers", preview.machine.workers},
                         {"threads_per_worker", preview.machine.threads},
                         {"limit_bytes", preview.machine.limit_bytes},
                         {"smallest_limit_bytes", preview.machine.smallest_limit_bytes},
                         {"stage", preview.stage},
                         {"staged_bytes_at_most", preview.staged_bytes},
                         {"memory_fits", preview.memory_fits()},
                         {"warnings", preview.warnings}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::size_t JobPreview::failing() const {
  return static_cast<std::size_t>(std::count_if(
      slides.begin(), slides.end(), [](const auto& slide) { return !slide.problem.empty(); }));
}

bool JobPreview::memory_fits() const {
  return machine.limit_bytes == 0 || machine.limit_bytes >= machine.smallest_limit_bytes;
}

JobPreview preview_job(const Options& options, const std::vector<SlideSpec>& cohort,
                       const PreviewMachine& machine) {
  JobPreview preview;
  preview.machine = machine;
  preview.size_px = options.tiles.size_px;
  preview.halo_px = options.tiles.halo_px;
  preview.stage = options.workers.stage.value_or("");
  preview.stage_limit = options.workers.stage_limit.value_or(0);
  for (const SlideSpec& spec : cohort) preview.slides.push_back(preview_slide(options, spec));
  estimate(options, preview);
  warn_of_small_halo(options, preview);
  warn_of_regions(options.annotations, preview);
  warn_of_memory(preview);
  return preview;
}

std::string render_preview(const JobPreview& preview, bool json) {
  if (json) return as_json(preview);
  std::string text = table(preview) + "\n" + totals(preview);
  for (const std::string& warning : preview.warnings) text += "\nwarning: " + warning + "\n";
  return text;
}

}  // namespace tilepool
