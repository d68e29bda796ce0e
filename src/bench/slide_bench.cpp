#include "bench/slide_bench.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "bench/file_rate.h"
#include "bench/jpeg_tiles.h"
#include "bench/tile_choice.h"
#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/units.h"
#include "common/slide/openslide_source.h"
#include "common/slide/scaled_read.h"
#include "worker/scan_geometry.h"
#include "worker/scan_slide.h"
#include "worker/tile_reader.h"

namespace tilepool {
namespace {

// A scan that reads more would take longer than the measurement: then the middle does.
constexpr double kMostScanPx = 64e6;
constexpr std::size_t kMostJpegBytes = 64 * kMiB;
// About a JPEG tile of 256 px, where the slide's own are not known.
constexpr std::uint64_t kRandomBytes = 16 * kKiB;
constexpr double kFileShare = 0.2;
constexpr double kWantedRounds = 3;
constexpr double kShortest_s = 0.03, kLongest_s = 1;

/// One series of measurements: a way to get pixels, with a number of threads.
struct Series {
  std::vector<ThreadRate>* rates;
  int threads;
  std::function<double(int threads, double seconds)> rate;
  std::vector<double> values;  ///< pixels a second
};

/// The slide and what is read of it.
struct Setting {
  std::unique_ptr<SlideSource> direct;  ///< nullptr: it has no tiles that the direct source reads
  std::unique_ptr<OpenSlideSource> openslide;
  TileGrid grid;
  int level = 0;          ///< from which the tiles are taken
  double downsample = 1;  ///< its
  std::vector<Rect> cores;
  std::optional<JpegTiles> jpeg;
};

/// Tissue of each tile as a run judges it; empty when that would take too long or fails.
std::vector<float> tissue_fraction(const SlideBenchRequest& request, SlideSource& source) {
  const SlideInfo& info = source.info();
  const ScanGeometry scan = choose_scan(info, request.options.tissue.scan_mpp);
  const LevelInfo& level = info.levels[static_cast<std::size_t>(scan.level)];
  if (static_cast<double>(level.width) * static_cast<double>(level.height) > kMostScanPx) return {};
  try {
    return scan_slide(request.slide, source, request.options, request.budget).tissue_fraction;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kSlide && error.code() != ErrorCode::kBudget) throw;
    return {};
  }
}

void choose_places(const SlideBenchRequest& request, Setting& setting, SlideFigures& figures) {
  const SlideInfo& info = setting.openslide->info();
  setting.grid = slide_grid(info, request.options);
  SlideSource& source = setting.direct != nullptr ? *setting.direct : *setting.openslide;
  const std::vector<float> tissue = tissue_fraction(request, source);
  const double least = request.options.tissue.min_fraction;
  const bool found = std::any_of(tissue.begin(), tissue.end(), [&](float fraction) {
    return static_cast<double>(fraction) >= least;
  });
  const WindowSize window = largest_window(request.options);
  setting.cores = choose_tiles(setting.grid, found ? tissue : std::vector<float>{}, least,
                               tiles_to_read(static_cast<double>(window.width * window.height)));
  figures.places = found            ? "spread over the tiles with tissue"
                   : tissue.empty() ? "in the middle of the slide"
                                    : "in the middle of the slide: no tile holds tissue";
  figures.tiles = setting.cores.size();
  for (const Rect& core : setting.cores) {
    const WindowSize size = window_size(setting.grid, core.w, core.h);
    figures.mpx += static_cast<double>(size.width * size.height) * 1e-6;
  }
}

/// Level pixels for an analysis pixel.
double level_px_per_px(const Setting& setting) {
  return std::pow(setting.grid.scale() / setting.downsample, 2);
}

void load_jpeg(const SlideBenchRequest& request, Setting& setting, LimitFigures& limit) try {
  const SlideInfo& info = setting.openslide->info();
  check(setting.downsample == std::floor(setting.downsample), ErrorCode::kSlide,
        "level {} is read through OpenSlide: its downsample {} is not whole", setting.level,
        setting.downsample);
  const auto levels = index_tiff(request.slide.path, info);
  const TiffLevel& level = levels.at(static_cast<std::size_t>(setting.level));
  std::vector<Rect> windows;
  double touched_px = 0;
  double window_px = 0;
  for (const Rect& core : setting.cores) {
    windows.push_back(tile_region(info, setting.grid, core).rect);
    touched_px += static_cast<double>(touched_tiles(level, {windows.back()}).size()) *
                  static_cast<double>(level.kind.width * level.kind.height);
    window_px += static_cast<double>(windows.back().w * windows.back().h);
  }
  setting.jpeg.emplace(request.slide.path, level, windows, kMostJpegBytes, request.budget);
  limit.jpeg_tiles = setting.jpeg->count();
  limit.mean_bytes = setting.jpeg->mean_bytes();
  limit.mean_px = static_cast<double>(setting.jpeg->tile_px()) / level_px_per_px(setting);
  limit.touched_ratio = touched_px / window_px;
} catch (const Error& error) {
  if (error.code() != ErrorCode::kSlide) throw;
  limit.problem = "not known for this format: " + one_line(error.what());
}

/// File bytes for an analysis pixel: of the JPEG tiles themselves, else of the whole file over the
/// pixels of its levels.
double bytes_per_px(const Setting& setting, const SlideFigures& figures) {
  if (setting.jpeg) return figures.limit.mean_bytes / figures.limit.mean_px;
  double pixels = 0;
  for (const LevelInfo& level : setting.openslide->info().levels)
    pixels += static_cast<double>(level.width) * static_cast<double>(level.height);
  return static_cast<double>(figures.file_bytes) / pixels * level_px_per_px(setting);
}

std::vector<Series> all_series(const SlideBenchRequest& request, const Setting& setting,
                               SlideFigures& figures) {
  std::vector<Series> all;
  const auto add = [&](std::vector<ThreadRate>& rates, const auto& rate) {
    for (const int threads : request.steps) all.push_back({&rates, threads, rate, {}});
  };
  if (setting.jpeg)
    add(figures.limit.rates, [&](int threads, double seconds) {
      return setting.jpeg->decode_rate(threads, seconds, request.stop, request.budget) /
             level_px_per_px(setting);
    });
  figures.sources.reserve(2);  // their rates are pointed to
  const auto add_source = [&](const char* name, SlideSource& source) {
    figures.sources.push_back({name, {}});
    add(figures.sources.back().rates, [&, from = &source](int threads, double seconds) {
      return read_rate(*from, setting.grid, setting.cores, threads, seconds, request.stop,
                       request.budget);
    });
  };
  if (setting.direct != nullptr) add_source("direct", *setting.direct);
  add_source("openslide", *setting.openslide);
  return all;
}

/// In rounds, so that what disturbs the machine disturbs all alike; at least one.
void measure_in_turn(std::vector<Series>& all, double seconds) {
  const double each = std::clamp(seconds / static_cast<double>(all.size()) / kWantedRounds,
                                 kShortest_s, kLongest_s);
  const auto begin = BenchClock::now();
  for (bool first = true; first || seconds_since(begin) < seconds; first = false)
    for (Series& one : all) {
      if (!first && seconds_since(begin) >= seconds) break;
      one.values.push_back(one.rate(one.threads, each));
    }
  for (Series& one : all)
    one.rates->push_back(
        {one.threads, median(one.values) * 1e-6, static_cast<int>(one.values.size())});
}

Setting open(const SlideBenchRequest& request, SlideFigures& figures) {
  const SlideSpec& slide = request.slide;
  Setting setting;
  setting.openslide = std::make_unique<OpenSlideSource>(slide.path, slide.mpp);
  std::unique_ptr<SlideSource> best = open_slide(slide.path, slide.mpp);
  figures.vendor = best->info().vendor;
  figures.reader = best->info().reader;
  if (figures.reader.starts_with("direct")) setting.direct = std::move(best);
  if (request.options.workers.reader != Reader::kAuto)  // throws what it would throw in a run
    figures.reader =
        open_slide(slide.path, slide.mpp, request.options.workers.reader)->info().reader;
  choose_places(request, setting, figures);
  const SlideInfo& info = setting.openslide->info();
  setting.level = level_for_scale(info, setting.grid.scale());
  setting.downsample = info.levels[static_cast<std::size_t>(setting.level)].downsample;
  return setting;
}

void measure(const SlideBenchRequest& request, SlideFigures& figures) {
  const auto begin = BenchClock::now();
  Setting setting = open(request, figures);
  figures.file_bytes = std::filesystem::file_size(request.slide.path);
  load_jpeg(request, setting, figures.limit);
  figures.file = measure_file(
      request.slide.path,
      setting.jpeg ? static_cast<std::uint64_t>(figures.limit.mean_bytes) : kRandomBytes,
      kFileShare * request.seconds, request.stop);
  figures.file.bytes_per_px = bytes_per_px(setting, figures);
  SlideSource& source = setting.direct != nullptr ? *setting.direct : *setting.openslide;
  // Brings the file back into the cache and every thread's first allocations with it.
  (void)read_rate(source, setting.grid, setting.cores, request.steps.back(), kShortest_s,
                  request.stop, request.budget);
  std::vector<Series> all = all_series(request, setting, figures);
  measure_in_turn(all, std::max(0.0, request.seconds - seconds_since(begin)));
}

}  // namespace

double read_rate(SlideSource& source, const TileGrid& grid, const std::vector<Rect>& cores,
                 int threads, double seconds, const StopAsked& stop, Budget& budget) {
  const WindowSize largest = window_size(grid, grid.core_px, grid.core_px);
  const auto bytes = checked_cast<std::size_t>(
      checked_mul(checked_mul<std::int64_t>(3, largest.width), largest.height));
  return pixels_per_second(cores.size(), threads, seconds, stop, [&]() -> PixelWork {
    const auto pixels = std::make_shared<Buffer<std::uint8_t>>(budget, bytes, "a tile");
    return [&, pixels](std::size_t i) {
      const std::size_t others = static_cast<std::size_t>(threads) - 1;  // that are being read
      const std::size_t first = i - std::min(i, others);
      const std::size_t end = std::min(cores.size(), i + 1 + kTilesAhead);
      if (i == 0) expect_tiles(source, grid, {});  // what the round before left is no help
      expect_tiles(source, grid, std::span(cores).subspan(first, end - first));
      return static_cast<double>(read_tile(source, grid, cores[i], pixels->span()).rgb.pixels());
    };
  });
}

SlideFigures measure_slide(const SlideBenchRequest& request) {
  SlideFigures figures;
  figures.id = request.slide.id;
  figures.path = request.slide.path;
  figures.problem = request.slide.problem;
  if (!figures.problem.empty()) return figures;
  try {
    measure(request, figures);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kSlide) throw;
    figures.problem = one_line(error.what());
  }
  return figures;
}

}  // namespace tilepool
