#include "report/tile_outcomes.h"

#include <algorithm>
#include <tuple>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/range_file.h"
#include "common/run/results.h"

namespace tilepool {
namespace {

std::vector<std::filesystem::path> range_files(const RunLayout& layout) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(layout.ranges_dir())) return files;
  for (const auto& entry : std::filesystem::directory_iterator(layout.ranges_dir())) {
    const bool committed = !entry.path().filename().string().starts_with('.');
    if (committed && entry.path().extension() == ".h5") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// The feature columns that the file itself names: which ones they are does not matter here.
TaskSchema schema_of(const std::filesystem::path& path) {
  const h5::File file = h5::File::open(path);
  TaskSchema schema;
  for (const std::string& name : file.texts("cell_features"))
    schema.cell_features.push_back({name, "", ""});
  for (const std::string& name : file.texts("tile_features"))
    schema.tile_features.push_back({name, "", ""});
  return schema;
}

template <class Tile>
auto place(const Tile& tile) {
  return std::tuple(tile.slide, tile.y, tile.x);
}

}  // namespace

TileOutcomes::TileOutcomes(const RunLayout& layout, const PlanReader& plan) {
  if (results_job_id(layout.results()) == plan.head().job_id && range_files(layout).empty()) {
    read_results(layout, plan);
  } else {
    read_ranges(layout, plan.head().pipeline_id);
  }
  order();
}

void TileOutcomes::read_ranges(const RunLayout& layout, const std::string& pipeline_id) {
  for (const auto& path : range_files(layout)) {
    try {
      const RangeReader range(path, schema_of(path));
      check(range.pipeline_id() == pipeline_id, ErrorCode::kHdf5, "{} belongs to another pipeline",
            path.string());
      for (const RangeTile& tile : range.tiles())
        add({tile.slide, tile.n_cells, tile.x, tile.y, tile.status, tile.seconds}, tile.reason);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kHdf5 && error.code() != ErrorCode::kIo) throw;
      problems_.push_back(one_line(error.what()));
    }
  }
}

void TileOutcomes::read_results(const RunLayout& layout, const PlanReader& plan) {
  const h5::File file = h5::File::open(layout.results());
  const auto status = file.read_column<std::uint8_t>("sample/status");
  const auto n_cells = file.read_column<std::uint32_t>("sample/n_cells");
  check(status.size() == plan.sample_size() && n_cells.size() == status.size(), ErrorCode::kHdf5,
        "{}: /sample has {} rows, the plan {}", layout.results().string(), status.size(),
        plan.sample_size());
  std::vector<std::string> reasons(status.size());
  if (file.exists("failures/sample")) {
    const auto failed = file.read_column<std::uint64_t>("failures/sample");
    const auto texts = file.read_texts("failures/reason");
    for (std::size_t i = 0; i < failed.size(); ++i) reasons.at(failed[i]) = texts.at(i);
  }
  const std::vector<PoolTile> tiles = plan.sample_tiles(0, plan.sample_size());
  for (std::size_t i = 0; i < tiles.size(); ++i)
    add({tiles[i].slide, n_cells[i], tiles[i].x, tiles[i].y, static_cast<TileStatus>(status[i]), 0},
        reasons[i]);
}

void TileOutcomes::add(const TileOutcome& outcome, const std::string& reason) {
  tiles_.push_back(outcome);
  if (outcome.status == TileStatus::kFailed)
    failures_.push_back({outcome.slide, outcome.x, outcome.y, reason});
}

// A tile may stand in two files (a straggler's lease was repeated): done wins over failed.
void TileOutcomes::order() {
  std::stable_sort(tiles_.begin(), tiles_.end(), [](const TileOutcome& a, const TileOutcome& b) {
    return std::pair(place(a), a.status) < std::pair(place(b), b.status);
  });
  const auto same = [](const auto& a, const auto& b) { return place(a) == place(b); };
  tiles_.erase(std::unique(tiles_.begin(), tiles_.end(), same), tiles_.end());
  std::stable_sort(failures_.begin(), failures_.end(),
                   [](const auto& a, const auto& b) { return place(a) < place(b); });
  failures_.erase(std::unique(failures_.begin(), failures_.end(), same), failures_.end());
  std::erase_if(failures_, [&](const TileFailure& failure) {
    return of(failure.slide, failure.x, failure.y).status != TileStatus::kFailed;
  });
}

TileOutcome TileOutcomes::of(std::uint32_t slide, std::int64_t x, std::int64_t y) const {
  TileOutcome wanted;
  wanted.slide = slide;
  wanted.x = x;
  wanted.y = y;
  const auto found = std::lower_bound(
      tiles_.begin(), tiles_.end(), wanted,
      [](const TileOutcome& a, const TileOutcome& b) { return place(a) < place(b); });
  return found != tiles_.end() && place(*found) == place(wanted) ? *found : wanted;
}

}  // namespace tilepool
