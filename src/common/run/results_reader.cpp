#include "common/run/results_reader.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "common/base/error.h"

namespace tilepool {
namespace {

/// Columns of /cells that are no features.
constexpr std::array<std::string_view, 9> kCellColumns = {
    "sample", "slide", "class", "x", "y", "uid", "contour_begin", "score", "decision"};

h5::File open_complete(const std::filesystem::path& path) {
  check(std::filesystem::exists(path), ErrorCode::kNoInput,
        "{} is not there: the run has not come to its end; run the same command again to resume it",
        path.string());
  h5::File file = h5::File::open(path);
  check(file.has_attribute("format") && file.text("format") == "tilepool-results", ErrorCode::kHdf5,
        "{} is no results file of tilepool", path.string());
  const std::string version = file.text("format_version");
  check(version.starts_with("1."), ErrorCode::kHdf5,
        "{} has format {}, this program reads 1.x; use a newer tilepool", path.string(), version);
  check(file.has_attribute("complete") && file.get<std::uint8_t>("complete") == 1,
        ErrorCode::kNoInput, "{} is not complete; run the same command again to resume it",
        path.string());
  return file;
}

}  // namespace

ResultsReader::ResultsReader(const std::filesystem::path& path) : file_(open_complete(path)) {
  job_id_ = file_.text("job_id");
  pipeline_id_ = file_.text("pipeline_id");
  config_ = file_.text("config");
  n_pool_ = count("pool/x");
  n_sample_ = count("sample/pool");
  has_cells_ = file_.exists("cells");
  if (has_cells_) n_cells_ = count("cells/x");
  if (file_.exists("classes/name")) classes_ = file_.read_texts("classes/name");
  if (has_cells_) cell_features_ = features_in("cells");
  has_scores_ = has_cells_ && file_.exists("cells/score") && file_.exists("cells/decision");
  if (file_.exists("patches")) {
    const h5::Group patches = h5::Group::open(file_, "patches");
    patches_ = {patches.get<std::int64_t>("size_px"), patches.get<std::int64_t>("stride_px"),
                patches.get<std::int64_t>("level"), patches.get<std::int64_t>("tile_px")};
    check(patches_.size_px > 0 && patches_.tile_px > 0, ErrorCode::kHdf5,
          "{}: patches of {} px from tiles of {} px", file_.where(), patches_.size_px,
          patches_.tile_px);
  }
  if (file_.exists("features")) tile_features_ = features_in("features");
  read_slides();
}

std::uint64_t ResultsReader::count(const std::string& column) const {
  return file_.open_dataset(column).rows();
}

std::vector<FeatureSpec> ResultsReader::features_in(const std::string& group) const {
  std::vector<FeatureSpec> found;
  for (const std::string& name : file_.names(group)) {
    if (group == "cells" && std::ranges::find(kCellColumns, name) != kCellColumns.end()) continue;
    const h5::Dataset column = file_.open_dataset(fmt::format("{}/{}", group, name));
    found.push_back({name, column.text("unit"), column.text("description")});
  }
  return found;
}

void ResultsReader::read_slides() {
  const auto ids = file_.read_texts("slides/id");
  slides_.resize(ids.size());
  const auto texts = [&](const char* column, std::string ResultsSlide::*member) {
    const auto values = file_.read_texts(std::string("slides/") + column);
    for (std::size_t i = 0; i < slides_.size(); ++i) slides_[i].*member = values.at(i);
  };
  const auto numbers = [&]<class T>(const char* column, T ResultsSlide::*member) {
    const auto values = file_.read_column<T>(std::string("slides/") + column);
    for (std::size_t i = 0; i < slides_.size(); ++i) slides_[i].*member = values.at(i);
  };
  texts("id", &ResultsSlide::id);
  texts("path", &ResultsSlide::path);
  texts("group", &ResultsSlide::group);
  texts("vendor", &ResultsSlide::vendor);
  texts("status", &ResultsSlide::status);
  texts("reason", &ResultsSlide::reason);
  texts("fingerprint", &ResultsSlide::fingerprint);
  numbers("width", &ResultsSlide::width);
  numbers("height", &ResultsSlide::height);
  numbers("mpp_x", &ResultsSlide::mpp_x);
  numbers("mpp_y", &ResultsSlide::mpp_y);
  numbers("core_px", &ResultsSlide::core_px);
  numbers("n_pool", &ResultsSlide::n_pool);
  numbers("n_sample", &ResultsSlide::n_sample);
  numbers("n_cells", &ResultsSlide::n_cells);
  if (has_patches()) numbers("n_patches", &ResultsSlide::n_patches);
  std::uint64_t pool = 0;
  std::uint64_t sample = 0;
  std::uint64_t cell = 0;
  std::uint64_t patch = 0;
  for (ResultsSlide& slide : slides_) {
    slide.pool_first = pool;
    slide.sample_first = sample;
    slide.cell_first = cell;
    slide.patch_first = patch;
    pool += static_cast<std::uint64_t>(slide.n_pool);
    sample += static_cast<std::uint64_t>(slide.n_sample);
    cell += static_cast<std::uint64_t>(slide.n_cells);
    patch += static_cast<std::uint64_t>(slide.n_patches);
  }
  check(pool == n_pool_ && sample == n_sample_ && cell == n_cells_, ErrorCode::kHdf5,
        "{}: its slides count {} tiles, {} sampled ones and {} cells, its tables {}, {} and {}",
        file_.where(), pool, sample, cell, n_pool_, n_sample_, n_cells_);
}

}  // namespace tilepool
