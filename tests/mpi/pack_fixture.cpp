#include "mpi/pack_fixture.h"

#include <cmath>
#include <fstream>
#include <limits>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/model/tile_grid.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"
#include "support/run_python.h"

namespace tilepool::testing {
namespace {

constexpr std::int64_t kCore = 1000;
constexpr std::int64_t kColumns = 8;

/// A number in [0, 1) from a key and an index.
double uniform(std::uint64_t key, std::uint64_t i) {
  std::uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1.0p-53;
}

std::string slide_id(std::uint64_t slide) { return fmt::format("slide-{:02}", slide); }

std::vector<PlanSlide> fake_slides(const FakeRun& run) {
  std::vector<PlanSlide> slides;
  for (std::uint64_t i = 0; i < run.n_slides + 2; ++i) {
    PlanSlide slide;
    slide.id = slide_id(i);
    slide.path = "/slides/" + slide.id + ".svs";
    slide.group = i % 2 == 0 ? "A" : "größer";
    slide.vendor = "generic-tiff";
    slide.status = i < run.n_slides ? "success" : i == run.n_slides ? "skipped" : "failed";
    if (i >= run.n_slides) slide.reason = i == run.n_slides ? "no tissue" : "cannot be opened";
    slide.width = 8000;
    slide.height = 90000;
    slide.mpp_x = slide.mpp_y = i % 2 == 0 ? 0.25 : std::numeric_limits<double>::quiet_NaN();
    slide.n_grid = 500;
    slide.n_pool = i < run.n_slides ? static_cast<std::int64_t>(run.tiles_per_slide) : 0;
    slide.core_px = kCore;
    slide.fingerprint = fmt::format("{:016x}", i);
    slides.push_back(slide);
  }
  for (std::uint64_t i = 0; i < run.sample_size(); ++i) {
    ++slides[run.tile(run.pool_row(i)).slide].n_sample;
  }
  return slides;
}

}  // namespace

std::uint64_t FakeRun::sample_size() const {
  return (n_slides * tiles_per_slide + step - 1) / step;
}

PoolTile FakeRun::tile(std::uint64_t pool_row) const {
  PoolTile tile;
  tile.slide = static_cast<std::uint32_t>(pool_row / tiles_per_slide);
  const auto i = static_cast<std::int64_t>(pool_row % tiles_per_slide);
  tile.x = i % kColumns * kCore;
  tile.y = i / kColumns * kCore;
  tile.w = tile.h = static_cast<std::int32_t>(kCore);
  tile.tissue_fraction = 0.5F;
  tile.key = tile_key(slide_id(tile.slide), tile.x, tile.y, 42);
  return tile;
}

TileResult FakeRun::result(const PoolTile& tile) const {
  const std::uint64_t key = tile.key;
  TileResult result;
  result.seconds = static_cast<float>(uniform(key, 0));
  const bool second_slide = tile.slide == 1;
  if (failures && (second_slide || uniform(key, 1) < 0.1)) {
    result.status = TileStatus::kFailed;
    result.reason = fmt::format("tile at ({}, {}): größer {}", tile.x, tile.y,
                                std::string(second_slide ? 300 : 0, 'x'));
    result.tile_features = {std::nanf("")};
    return result;
  }
  result.status = TileStatus::kDone;
  result.tile_features = {static_cast<float>(uniform(key, 2))};
  // Some tiles have no cells at all.
  const double share = uniform(key, 3);
  const auto n = share < 0.15 ? 0 : static_cast<std::uint64_t>(2 * share * double(cells_per_tile));
  CellBatch& cells = result.cells;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t at = 10 + 1000 * i;
    const double x = static_cast<double>(tile.x) + uniform(key, at) * double(kCore);
    const double y = static_cast<double>(tile.y) +
                     (double(i) + uniform(key, at + 1)) * double(kCore) / double(n);
    cells.x.push_back(x);
    cells.y.push_back(y);
    cells.class_index.push_back(uniform(key, at + 2) < 0.3 ? 1 : 0);
    cells.features.push_back(static_cast<float>(10 + uniform(key, at + 3)));
    cells.features.push_back(i % 5 == 0 ? std::nanf("") : static_cast<float>(i));
    const auto points =
        static_cast<std::uint32_t>(3 + 2 * uniform(key, at + 4) * double(points_per_cell - 3));
    cells.contour_size.push_back(points);
    for (std::uint32_t p = 0; p < points; ++p) {
      const double angle = 6.283185307179586 * p / points;
      cells.contour_x.push_back(static_cast<float>(x + 5 * std::cos(angle)));
      cells.contour_y.push_back(static_cast<float>(y + 5 * std::sin(angle)));
    }
  }
  return result;
}

void FakeRun::write_plan() const {
  PlanHead head;
  head.generation = generation;
  head.seed = 42;
  head.job_id = fmt::format("job-{}", step);
  head.pipeline_id = "pipeline";
  head.config = "{\"tiles\": {}}";
  PlanWriter plan(layout().plan(), head);
  plan.write_slides(fake_slides(*this));
  std::vector<PoolTile> rows;
  for (std::uint64_t i = 0; i < n_slides * tiles_per_slide; ++i) rows.push_back(tile(i));
  plan.append_pool(rows);
  std::vector<std::uint64_t> sample;
  for (std::uint64_t i = 0; i < sample_size(); ++i) sample.push_back(pool_row(i));
  plan.write_sample(sample, std::vector<std::uint8_t>(sample.size(), 0));
  plan.commit();
}

void FakeRun::write_range(std::uint64_t first, std::uint64_t count) const {
  RangeResult range;
  range.generation = generation;
  range.first = first;
  range.last = first + count - 1;
  range.pipeline_id = "pipeline";
  for (std::uint64_t i = first; i < first + count; ++i) {
    const PoolTile pool = tile(pool_row(i));
    RangeTile row;
    row.slide = pool.slide;
    row.x = pool.x;
    row.y = pool.y;
    append_tile(range, row, result(pool));
  }
  tilepool::write_range(layout().range_file(generation, range.first, range.last), fake_schema(),
                        range);
}

void FakeRun::write_ranges(std::uint64_t tiles) const {
  for (std::uint64_t first = 0; first < sample_size(); first += tiles) {
    write_range(first, std::min(tiles, sample_size() - first));
  }
}

TaskSchema fake_schema() {
  return {Items::kCells,
          {{"area_um2", "um^2", "Area."}, {"solidity", "1", "Area over that of the hull."}},
          {{"mean_grey", "1", "Mean grey value."}}};
}

PackJob fake_job(const FakeRun& run, Codec codec, std::size_t block_bytes) {
  return {run.layout(), fake_schema(), {"nucleus", "mk"}, {codec, 1}, {}, 0, block_bytes};
}

Telemetry fake_telemetry(int run_number) {
  Telemetry telemetry;
  telemetry.text = {{"run_uuid", fmt::format("uuid-{}", run_number)}};
  telemetry.numbers = {{"wall_s", 1.5 * run_number}};
  telemetry.rank_numbers = {{"peak_bytes", std::vector<double>(3, run_number)}};
  telemetry.rank_text = {{"host", {"a", "b", fmt::format("c{}", run_number)}}};
  return telemetry;
}

void pack_alone(const FakeRun& run, const PackJob& job, const std::filesystem::path& target) {
  const auto index = run.root / "index.h5";
  const PackIndexSummary summary = write_pack_index(run.layout(), job.schema, index);
  check(summary.missing == 0 && summary.damaged.empty(), ErrorCode::kInternal,
        "the fake run misses {} tiles", summary.missing);
  Budget budget(std::size_t{1} << 30);
  pack_results(job, index, fake_telemetry(1), std::nullopt, budget);
  commit_results(run.layout());
  std::filesystem::rename(run.layout().results(), target);
}

namespace {

/// Paths of all datasets below `group`, but for /telemetry.
void list_datasets(const h5::File& file, const std::string& group, std::vector<std::string>& out) {
  for (const std::string& name : file.names(group)) {
    const std::string path = group.empty() ? name : fmt::format("{}/{}", group, name);
    if (path == "telemetry") continue;
    H5O_info_t info;
    h5::checked(H5Oget_info_by_name(file.id(), path.c_str(), &info, H5P_DEFAULT), path);
    if (info.type == H5O_TYPE_GROUP) {
      list_datasets(file, path, out);
    } else {
      out.push_back(path);
    }
  }
}

std::vector<char> content(const h5::File& file, const std::string& path) {
  const h5::Dataset dataset = file.open_dataset(path);
  const h5::Type type(H5Dget_type(dataset.id()), path);
  std::vector<char> bytes(H5Tget_size(type.id()) * dataset.rows() * dataset.row_size());
  if (!bytes.empty()) {
    h5::checked(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
                path);
  }
  return bytes;
}

}  // namespace

std::vector<std::string> differences(const std::filesystem::path& a,
                                     const std::filesystem::path& b) {
  const h5::File file_a = h5::File::open(a);
  const h5::File file_b = h5::File::open(b);
  std::vector<std::string> paths_a, paths_b, found;
  list_datasets(file_a, "", paths_a);
  list_datasets(file_b, "", paths_b);
  if (paths_a != paths_b) found.emplace_back("the datasets differ");
  for (const std::string& path : paths_a) {
    if (!file_b.exists(path)) continue;
    const h5::Dataset in_a = file_a.open_dataset(path);
    const h5::Dataset in_b = file_b.open_dataset(path);
    if (in_a.dims() != in_b.dims() || in_a.chunk() != in_b.chunk()) found.push_back(path + " size");
    if (in_a.attribute_names() != in_b.attribute_names()) found.push_back(path + " attributes");
    if (content(file_a, path) != content(file_b, path)) found.push_back(path + " content");
  }
  if (file_a.attribute_names() != file_b.attribute_names()) found.emplace_back("root attributes");
  return found;
}

int h5diff(const std::filesystem::path& a, const std::filesystem::path& b) {
  return run_command("h5diff --exclude-path /telemetry " + a.string() + " " + b.string());
}

namespace {

std::size_t status_bytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t kib = 0;
  while (status >> word) {
    if (word == key && status >> kib) return kib * 1024;
  }
  fail(ErrorCode::kInternal, "/proc/self/status has no {}", key);
}

}  // namespace

std::size_t peak_resident_bytes() { return status_bytes("VmHWM:"); }
std::size_t resident_bytes() { return status_bytes("VmRSS:"); }
void reset_peak_resident() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace tilepool::testing
