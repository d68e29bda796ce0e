#include "common/run/calibration_file.h"
#include "common/run/pack_index.h"
#include "common/run/plan_file.h"
#include "common/run/plan_schema.h"
#include "common/run/scan_file.h"
#include "hdf5_content.h"

using namespace tilepool;

namespace {

using Content = fuzz::Hdf5Content;

void write_plan(Content& content, fuzz::Input& input) {
  const std::uint64_t slides = input.byte() % 4;
  const std::uint64_t pool = input.byte() % 16;
  const std::uint64_t sample = input.byte() % 16;
  content.text_attribute("", "format", kPlanFormat);
  content.attribute<std::uint32_t>("", "version", kPlanVersion);
  content.attribute<std::uint32_t>("", "generation", 0);
  content.attribute<std::uint64_t>("", "seed", 42);
  for (const char* name : {"job_id", "pipeline_id", "config"})
    content.text_attribute("", name, "text");
  content.attribute<double>("", "variance_threshold", 0);
  for (const char* name :
       {"id", "path", "group", "vendor", "status", "reason", "fingerprint", "reader"})
    content.texts(std::string("slides/") + name, slides, 8);
  for (const char* name : {"width", "height", "n_grid", "n_pool", "n_sample", "core_px"})
    content.numbers<std::int64_t>(std::string("slides/") + name, slides);
  content.numbers<double>("slides/mpp_x", slides);
  content.numbers<double>("slides/mpp_y", slides);
  content.numbers<std::uint8_t>("slides/modality", slides);
  content.numbers<std::uint32_t>("pool/slide", pool);
  content.numbers<std::int64_t>("pool/x", pool);
  content.numbers<std::int64_t>("pool/y", pool);
  content.numbers<std::int32_t>("pool/w", pool);
  content.numbers<std::int32_t>("pool/h", pool);
  content.numbers<float>("pool/tissue_fraction", pool);
  content.numbers<std::uint64_t>("pool/key", pool);
  content.numbers<std::uint64_t>("sample/pool", sample);
  content.numbers<std::uint8_t>("sample/carried", sample);
}

void read_plan(const std::filesystem::path& file) {
  const PlanReader plan(file);
  (void)plan.slides();
  constexpr std::uint64_t kBlock = 64;
  const std::uint64_t pool = std::min(kBlock, plan.pool_size());
  const std::uint64_t sample = std::min(kBlock, plan.sample_size());
  fuzz::require(plan.pool(plan.pool_size() - pool, pool).size() == pool, "all rows come");
  fuzz::require(plan.carried(0, sample).size() == sample, "all rows come");
  fuzz::require(plan.sample_tiles(0, sample).size() == sample, "all rows come");
}

void write_scan(Content& content, fuzz::Input& input) {
  const std::uint64_t levels = input.byte() % 4;
  const std::int64_t columns = input.byte() % 8;
  const std::int64_t rows = input.byte() % 8;
  content.text_attribute("", "format", "tilepool-scan");
  content.attribute<std::uint32_t>("", "version", 1);
  for (const char* name : {"slide_id", "path", "reason", "notes"})
    content.text_attribute("", name, "text");
  content.attribute<std::uint8_t>("", "failed", 0);
  content.attribute<std::uint8_t>("", "modality", 1);
  for (const char* name : {"vendor", "reader", "mpp_source", "mpp_problem", "fingerprint"})
    content.text_attribute("info", name, "text");
  content.attribute<std::int64_t>("info", "width", 100 * columns);
  content.attribute<std::int64_t>("info", "height", 100 * rows);
  content.attribute<double>("info", "mpp_x", 0.25);
  content.attribute<double>("info", "mpp_y", 0.25);
  content.numbers<std::int64_t>("levels/width", levels);
  content.numbers<std::int64_t>("levels/height", levels);
  content.numbers<double>("levels/downsample", levels);
  content.attribute<std::int64_t>("grid", "slide_width", 100 * columns);
  content.attribute<std::int64_t>("grid", "slide_height", 100 * rows);
  content.attribute<std::int64_t>("grid", "size_px", 100);
  content.attribute<std::int64_t>("grid", "core_px", 100);
  content.attribute<std::int64_t>("grid", "halo_px", 10);
  content.numbers<float>("grid/tissue_fraction", static_cast<std::uint64_t>(columns * rows));
  content.attribute<double>("tissue", "downsample", 100);
  content.attribute<std::int64_t>("tissue", "width", columns);
  content.attribute<std::int64_t>("tissue", "height", rows);
  content.numbers<std::uint8_t>("tissue/mask", static_cast<std::uint64_t>(rows),
                                static_cast<std::uint64_t>(columns));
  content.numbers<std::uint16_t>("tissue/variance", static_cast<std::uint64_t>(rows),
                                 static_cast<std::uint64_t>(columns));
  content.numbers<std::uint8_t>("tissue/rgb", static_cast<std::uint64_t>(rows),
                                static_cast<std::uint64_t>(columns), 3);
}

void read_scan(const std::filesystem::path& file) {
  Budget budget(std::size_t{64} << 20);
  const SlideScan scan = tilepool::read_scan(file, {true, true, true}, budget);
  fuzz::require(
      scan.failed || scan.tissue_fraction.size() == static_cast<std::size_t>(scan.grid.tiles()),
      "every tile of the grid has its share of tissue");
}

void write_calibration(Content& content, fuzz::Input& input) {
  const std::uint64_t slides = input.byte() % 4;
  const std::uint64_t patches = slides == 0 ? 0 : input.byte() % 8;
  content.text_attribute("", "format", "tilepool-calibration");
  content.attribute<std::uint32_t>("", "version", 1);
  content.texts_attribute("", "cohort", {"a", "b"});
  content.attribute<double>("", "cohort.a", 1);
  content.attribute<double>("", "cohort.b", 2);
  content.texts("slides/id", slides, 8);
  content.texts("slides/note", slides, 8);
  content.texts_attribute("values", "order", {"x", "y"});
  content.numbers<double>("values/x", slides);
  content.numbers<double>("values/y", slides);
  content.right_numbers("patches/slide", std::vector<std::uint32_t>(patches, 0));
  for (const char* name : {"x", "y", "w", "h"})
    content.numbers<std::int64_t>(std::string("patches/") + name, patches);
}

void read_calibrations(const std::filesystem::path& file) {
  fuzz::accepted([&] { (void)read_calibration(file); });
  (void)read_cohort_calibration(file);
}

void write_index(Content& content, fuzz::Input& input) {
  const std::uint64_t n = input.byte() % 8;
  content.text_attribute("", "format", kIndexFormat);
  content.attribute<std::uint32_t>("", "version", kIndexVersion);
  content.text_attribute("", "job_id", "job");
  for (const char* name : {"samples", "cells", "points", "missing", "failed"})
    content.attribute<std::uint64_t>("", name, n);
  content.texts("files/name", n, 8);
  for (const char* name : {"slide", "file", "row", "n_cells"})
    content.numbers<std::uint32_t>(std::string("sample/") + name, n);
  for (const char* name : {"n_points", "cell_first", "point_first"})
    content.numbers<std::uint64_t>(std::string("sample/") + name, n);
  content.numbers<std::uint8_t>("sample/status", n);
  content.numbers<float>("sample/seconds", n);
  content.numbers<std::uint64_t>("sample/cell_begin", n + 1);
  content.numbers<std::uint64_t>("sample/point_begin", n + 1);
  content.numbers<std::uint64_t>("failures/sample", n);
  content.numbers<std::uint32_t>("failures/slide", n);
  content.texts("failures/reason", n, 8);
}

void read_index(const std::filesystem::path& file) {
  const PackIndexReader index(file);
  const std::uint64_t n = std::min<std::uint64_t>(64, index.samples());
  fuzz::require(index.block(0, n).size() == n, "all entries come");
  const std::uint64_t entry = index.entry_of("cell_begin", 3);
  fuzz::require(entry == 0 || entry < index.samples(), "an entry is one of the sample");
  (void)index.failure_block(0, std::min<std::uint64_t>(64, index.failures()));
}

}  // namespace

// The other HDF5 files of a run, chosen by the first byte: sound HDF5 with other things in it than
// there should be.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  fuzz::Input input(data, size);
  using Write = void (*)(Content&, fuzz::Input&);
  using Read = void (*)(const std::filesystem::path&);
  constexpr std::pair<Write, Read> kKinds[] = {{&write_plan, &read_plan},
                                               {&write_scan, &read_scan},
                                               {&write_calibration, &read_calibrations},
                                               {&write_index, &read_index}};
  const auto kind = kKinds[input.byte() % std::size(kKinds)];
  const auto file = folder.path() / "file.h5";
  Content content(file, input);
  kind.first(content, input);
  content.close();
  fuzz::accepted([&] { kind.second(file); });
  fuzz::require(h5::open_objects() == 0, "no HDF5 object is left open");
  return 0;
}
