#include "report_fixture.h"

#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/core.h>

#include "common/base/system.h"
#include "common/run/layout.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "common/run/results.h"
#include "common/run/run_json.h"
#include "common/run/scan_file.h"
#include "common/run/status_json.h"

namespace tilepool::testing {
namespace {

constexpr std::int64_t kCore = 1000;
constexpr std::int64_t kWidth = 24'300, kHeight = 17'500;
constexpr double kDownsample = 64;
constexpr double kMpp = 0.25;

/// Whether a level-0 point lies in one of two blobs of tissue, one with a hole.
bool is_tissue(double x, double y) {
  const auto wobble = [](double angle, int lobes) { return 1 + 0.12 * std::sin(lobes * angle); };
  const auto inside = [&](double cx, double cy, double r, int lobes) {
    return std::hypot(x - cx, y - cy) < r * wobble(std::atan2(y - cy, x - cx), lobes);
  };
  return (inside(7500, 8500, 5200, 5) && !inside(8200, 9000, 1300, 3)) ||
         inside(18000, 9500, 3900, 4);
}

void paint(SlideScan& scan, bool fluorescence, Budget& budget) {
  TissueMap& map = scan.tissue;
  map.downsample = kDownsample;
  map.width = static_cast<std::int64_t>(std::ceil(kWidth / kDownsample));
  map.height = static_cast<std::int64_t>(std::ceil(kHeight / kDownsample));
  const auto pixels = static_cast<std::size_t>(map.width * map.height);
  map.rgb = Buffer<std::uint8_t>(budget, 3 * pixels, "rgb");
  map.mask = Buffer<std::uint8_t>(budget, pixels, "mask");
  std::uint32_t noise = 1;
  for (std::size_t i = 0; i < pixels; ++i) {
    const double x = static_cast<double>(i % static_cast<std::size_t>(map.width)) * kDownsample;
    const double y = static_cast<double>(i / static_cast<std::size_t>(map.width)) * kDownsample;
    noise = noise * 1664525u + 1013904223u;
    const int grain = static_cast<int>(noise >> 27) + static_cast<int>(12 * std::sin(x / 300));
    const bool tissue = is_tissue(x, y);
    map.mask.data()[i] = tissue ? 1 : 0;
    const int colours[2][2][3] = {{{243, 242, 244}, {205, 130, 175}}, {{6, 6, 10}, {25, 70, 160}}};
    for (std::size_t c = 0; c < 3; ++c)
      map.rgb.data()[3 * i + c] = static_cast<std::uint8_t>(std::clamp(
          colours[fluorescence ? 1 : 0][tissue ? 1 : 0][c] + (tissue ? grain : grain / 8), 0, 255));
  }
}

SlideScan make_scan(int kind, const std::string& id, Budget& budget) {
  SlideScan scan;
  scan.slide_id = id;
  scan.path = "/slides/" + id + ".svs";
  if (kind == 2) {
    scan.failed = true;
    scan.reason = "cannot be opened: <not> a slide & no \"TIFF\"";
    return scan;
  }
  scan.info = {"aperio", "openslide", kWidth, kHeight, {{kWidth, kHeight, 1.0}}, kMpp, kMpp};
  scan.info.mpp_source = "openslide";
  scan.info.fingerprint = "ff" + id.substr(0, 1);
  scan.modality = kind == 1 ? Modality::kFluorescence : Modality::kBrightfield;
  scan.grid = make_grid(kWidth, kHeight, kCore, 128, 0, kMpp);
  paint(scan, kind == 1, budget);
  for (std::int64_t row = 0; row < scan.grid.rows(); ++row)
    for (std::int64_t column = 0; column < scan.grid.columns(); ++column)
      scan.tissue_fraction.push_back(
          kind != 3 && is_tissue(static_cast<double>(column * kCore + kCore / 2),
                                 static_cast<double>(row * kCore + kCore / 2))
              ? 0.8F
              : 0.0F);
  return scan;
}

PlanSlide plan_slide(int kind, const SlideScan& scan) {
  PlanSlide slide;
  slide.id = scan.slide_id;
  slide.path = scan.path;
  slide.group = "case \"1\" & more";
  slide.status = kind == 2 ? "failed" : kind == 3 ? "skipped" : "success";
  slide.reason = kind == 2 ? scan.reason : kind == 3 ? "no tile has tissue" : "";
  slide.mpp_x = scan.info.mpp_x;
  slide.mpp_y = scan.info.mpp_y;
  if (kind == 2) return slide;
  slide.vendor = scan.info.vendor;
  slide.width = kWidth;
  slide.height = kHeight;
  slide.core_px = kCore;
  slide.modality = static_cast<std::uint8_t>(scan.modality);
  slide.n_grid = scan.grid.tiles();
  return slide;
}

struct Cohort {
  std::vector<PlanSlide> slides;
  std::vector<PoolTile> pool;
  std::vector<std::uint64_t> sample;
};

/// Every fifth pooled tile is sampled.
void add_slide(Cohort& cohort, int kind, const SlideScan& scan) {
  PlanSlide slide = plan_slide(kind, scan);
  for (std::size_t i = 0; i < scan.tissue_fraction.size(); ++i) {
    if (scan.tissue_fraction[i] < 0.5F) continue;
    const Rect core = scan.grid.core(static_cast<std::int64_t>(i) % scan.grid.columns(),
                                     static_cast<std::int64_t>(i) / scan.grid.columns());
    if (slide.n_pool++ % 5 == 2) {
      cohort.sample.push_back(cohort.pool.size());
      ++slide.n_sample;
    }
    cohort.pool.push_back({static_cast<std::uint32_t>(cohort.slides.size()), core.x, core.y,
                           static_cast<std::int32_t>(core.w), static_cast<std::int32_t>(core.h),
                           scan.tissue_fraction[i], i});
  }
  cohort.slides.push_back(slide);
}

Cohort make_cohort(const RunLayout& layout, int copies, bool scanned) {
  Cohort cohort;
  Budget budget(std::size_t{64} << 20);
  for (int kind = 0; kind < 4; ++kind) {
    for (int copy = 0; copy < copies; ++copy) {
      const SlideScan scan = make_scan(kind, fixture_slide_id(kind, copy), budget);
      if (scanned)
        write_scan(layout.scan_file(scan.slide_id), scan, pack_images(scan.tissue, budget));
      add_slide(cohort, kind, scan);
    }
  }
  return cohort;
}

void write_run(const RunLayout& layout, const Cohort& cohort) {
  RunDescription run;
  run.options.tiles.size_px = kCore;
  run.options.sample.fraction = 0.2;
  for (const PlanSlide& slide : cohort.slides)
    run.cohort.push_back({slide.id, slide.path, slide.group, std::nullopt, ""});
  run.provenance = {{"config", "configs/it's mine.json"},
                    {"set 1", "/sample/fraction=0.2"},
                    {"tilepool", "0.1.0"},
                    {"commit", "0123456789ab"},
                    {"host", "node<1>"},
                    {"version openslide", "3.4.1"}};
  write_run_json(layout.run_json(), run);
}

void write_plan(const RunLayout& layout, const Cohort& cohort) {
  PlanHead head;
  head.seed = 42;
  head.job_id = "0011223344556677";
  head.pipeline_id = "8899aabbccddeeff";
  head.config = "{}";
  PlanWriter writer(layout.plan(), head);
  writer.write_slides(cohort.slides);
  writer.append_pool(cohort.pool);
  writer.write_sample(cohort.sample, std::vector<std::uint8_t>(cohort.sample.size(), 0));
  writer.commit();
}

TaskSchema fixture_schema() { return {Items::kCells, {{"area_um2", "um^2", "Area."}}, {}}; }

void pack(const RunLayout& layout) {
  Budget budget(std::size_t{64} << 20);
  const auto index = layout.root() / ".pack-index.h5";
  (void)write_pack_index(layout, fixture_schema(), index);
  pack_results({layout, fixture_schema(), {"nucleus"}, {}, std::size_t{1} << 20}, index, {},
               std::nullopt, budget);
  commit_results(layout);
  std::filesystem::remove(index);
}

/// Sample entries 3 and 4 of the first slide fail, the others have 7 cells each.
FixtureFacts write_ranges(const RunLayout& layout, const Cohort& cohort, std::size_t upto) {
  FixtureFacts facts;
  const TaskSchema schema = fixture_schema();
  for (std::size_t first = 0; first < upto; first += 6) {
    RangeResult range;
    range.pipeline_id = "8899aabbccddeeff";
    range.first = first;
    range.last = std::min(first + 6, upto) - 1;
    for (std::size_t i = first; i <= range.last; ++i) {
      const PoolTile& tile = cohort.pool[cohort.sample[i]];
      TileResult result;
      result.seconds = 1.5F;
      result.status = i == 3 || i == 4 ? TileStatus::kFailed : TileStatus::kDone;
      if (result.status == TileStatus::kFailed) result.reason = "cannot read <tile> & more";
      for (int k = 0; k < 7 && result.status == TileStatus::kDone; ++k) {
        result.cells.x.push_back(static_cast<double>(tile.x) + k);
        result.cells.y.push_back(static_cast<double>(tile.y) + k);
        result.cells.class_index.push_back(0);
        result.cells.features.push_back(50);
        result.cells.contour_size.push_back(3);
        for (const float d : {0.0F, 1.0F, 2.0F}) {
          result.cells.contour_x.push_back(d);
          result.cells.contour_y.push_back(d * d);
        }
      }
      (result.status == TileStatus::kDone ? facts.done : facts.failed) += 1;
      facts.cells += static_cast<std::int64_t>(result.cells.size());
      append_tile(range, {tile.slide, tile.x, tile.y}, result);
    }
    write_range(layout.range_file(0, range.first, range.last), schema, range);
  }
  return facts;
}

std::string event_time(double second) {
  const int s = static_cast<int>(second);
  return fmt::format("2024-05-01T{:02}:{:02}:{:02}.500Z", 12 + s / 3600, s / 60 % 60, s % 60);
}

/// Two ranks, a stop of an hour in the middle, a lost worker.
void write_events(const RunLayout& layout, std::size_t tiles) {
  std::ofstream file(layout.events());
  const auto event = [&](double second, int rank, const char* level, const std::string& rest) {
    file << fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",\"rank\":{},\"host\":\"n\",{}}}\n",
                        event_time(second), level, rank, rest);
  };
  event(0, 0, "info", "\"event\":\"start\"");
  event(20, 0, "info", "\"event\":\"planned\"");
  double second = 20;
  for (std::size_t i = 0; i < tiles; i += 6) {
    if (i == tiles / 2 / 6 * 6) {
      event(second + 3600, 0, "info", "\"event\":\"start\"");
      second += 3605;
    }
    second += 4;
    event(second, 1 + static_cast<int>(i / 6 % 2), "info",
          "\"event\":\"committed\",\"tiles\":6,\"failed\":0,\"cells\":42,\"seconds\":9");
  }
  event(second + 1, 2, "error",
        R"("event":"worker-lost","reason":"rank 2 has been silent for 61 s <lost>")");
  event(second + 2, 0, "info", "\"event\":\"pack\"");
  file << "{\"time\":\"2024-05-01T15:00";  // a killed run's last line
}

RankStatus rank_status(int rank, std::uint64_t tiles) {
  RankStatus status;
  status.rank = rank;
  status.role = rank == 0 ? "master" : "worker";
  status.host = rank == 2 ? "node-2" : "node-1";
  status.device = rank == 0 ? "none" : "cpu";
  status.pid = 4242;
  status.threads = rank == 0 ? 0 : 2;
  status.budget_bytes = std::uint64_t{1} << 30;
  status.rss_bytes = std::uint64_t{300} << 20;
  status.peak_rss_bytes = std::uint64_t{rank == 0 ? 120u : 700u} << 20;
  status.tiles = tiles;
  status.pixels_read = tiles * 1'500'000;
  status.read_s = 0.05 * static_cast<double>(tiles);
  status.compute_s = 0.9 * static_cast<double>(tiles);
  status.commit_s = 0.01 * static_cast<double>(tiles);
  status.alive = rank != 2;
  return status;
}

void write_fixture_status(const RunLayout& layout, FixtureStage stage, const Cohort& cohort,
                          const FixtureFacts& facts) {
  RunStatus status;
  const bool finished = stage == FixtureStage::kFinished;
  status.state = finished ? "done" : stage == FixtureStage::kStarted ? "scanning" : "processing";
  status.exit_code = finished ? 3 : -1;
  if (finished) status.message = "1 of 4 slides and 2 tiles failed; slides.csv says which and why";
  status.run_uuid = "11111111-2222-4333-8444-555555555555";
  status.job_id = "0011223344556677";
  status.started = "2024-05-01T12:00:00.500Z";
  status.updated = stage == FixtureStage::kDead ? "2024-05-01T13:00:00.000Z" : iso8601_now();
  status.slides = cohort.slides.size();
  status.slides_scanned = stage == FixtureStage::kStarted ? 1 : cohort.slides.size();
  status.tiles_done = static_cast<std::uint64_t>(facts.done);
  status.tiles_failed = static_cast<std::uint64_t>(facts.failed);
  status.elapsed_s = 91.4;
  status.processing_s = 71.2;
  status.tiles_per_s = 0.51;
  status.eta_s = finished ? 0 : 42;
  status.ranks = {rank_status(0, 0), rank_status(1, status.tiles_done / 2),
                  rank_status(2, status.tiles_done / 2)};
  write_status(layout.status(), status);
}

}  // namespace

std::string fixture_slide_id(int kind, int copy) {
  const char* names[] = {"a<script>alert(1)</script>&", "b fluor", "c broken", "d blank"};
  return copy == 0 ? names[kind] : fmt::format("{} {:03}", names[kind], copy);
}

FixtureFacts write_fixture(const std::filesystem::path& run_dir, FixtureStage stage, int copies) {
  const RunLayout layout(run_dir);
  std::filesystem::create_directories(layout.scan_dir());
  std::filesystem::create_directories(layout.ranges_dir());
  const bool planned = stage != FixtureStage::kStarted;
  const Cohort cohort = make_cohort(layout, copies, planned);
  write_run(layout, cohort);
  FixtureFacts facts;
  if (planned) {
    const std::size_t all = cohort.sample.size();
    const std::size_t upto = stage == FixtureStage::kFinished ? all : all / 2;
    write_plan(layout, cohort);
    facts = write_ranges(layout, cohort, upto);
    if (stage == FixtureStage::kFinished) pack(layout);
    write_events(layout, upto);
    for (const PlanSlide& slide : cohort.slides) facts.grid += slide.n_grid;
    facts.pool = static_cast<std::int64_t>(cohort.pool.size());
    facts.sample = static_cast<std::int64_t>(all);
  }
  write_fixture_status(layout, stage, cohort, facts);
  return facts;
}

}  // namespace tilepool::testing
