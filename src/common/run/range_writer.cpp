#include <algorithm>
#include <numeric>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/atomic_file.h"
#include "common/run/format_check.h"
#include "common/run/range_file.h"
#include "common/run/range_schema.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

/// Rows of the feature columns that are gathered at a time.
constexpr std::size_t kBlockRows = 65536;

/// Writes columns.
class ColumnWriter {
 public:
  explicit ColumnWriter(h5::File& file) : file_(file) {}

  template <h5::Element T>
  void numbers(const std::string& path, const std::vector<T>& values) {
    file_.write_column<T>(path, values);
  }
  /// One column of RangeTile.
  template <h5::Element T, class Member>
  void tiles(const std::string& path, const std::vector<RangeTile>& tiles, Member member) {
    std::vector<T> values;
    values.reserve(tiles.size());
    for (const RangeTile& tile : tiles) values.push_back(static_cast<T>(tile.*member));
    numbers(path, values);
  }
  void texts(const std::string& path, const std::vector<std::string>& values) {
    file_.write_texts(path, values);
  }
  /// The columns `group`/<name> of a row-major table.
  void features(const std::string& group, const std::vector<FeatureSpec>& names,
                const std::vector<float>& table) {
    if (names.empty()) return;
    const std::size_t rows = table.size() / names.size();
    std::vector<h5::Dataset> columns;
    columns.reserve(names.size());
    for (const FeatureSpec& one : names)
      columns.push_back(file_.create_dataset<float>(group + "/" + one.name, {rows}));
    std::vector<float> block;  // column after column
    for (std::size_t first = 0; first < rows; first += kBlockRows) {
      const std::size_t n = std::min(kBlockRows, rows - first);
      block.resize(n * names.size());
      const float* row = table.data() + first * names.size();
      for (std::size_t i = 0; i < n; ++i, row += names.size())
        for (std::size_t c = 0; c < names.size(); ++c) block[c * n + i] = row[c];
      for (std::size_t c = 0; c < names.size(); ++c)
        columns[c].write(first, std::span<const float>(block).subspan(c * n, n));
    }
    file_.check_written();
  }

 private:
  h5::File& file_;
};

void check_sizes(const TaskSchema& schema, const RangeResult& range) {
  const CellBatch& cells = range.cells;
  const std::size_t n = cells.size();
  check(cells.y.size() == n && cells.class_index.size() == n && cells.contour_size.size() == n &&
            cells.features.size() == checked_mul(n, schema.cell_features.size()),
        ErrorCode::kInternal, "range {}-{}: the columns of its {} cells differ in length",
        range.first, range.last, n);
  const auto points =
      std::accumulate(cells.contour_size.begin(), cells.contour_size.end(), std::uint64_t{0});
  check(cells.contour_x.size() == points && cells.contour_y.size() == points, ErrorCode::kInternal,
        "range {}-{}: contours hold {} points, expected {}", range.first, range.last,
        cells.contour_x.size(), points);
  std::uint64_t tile_cells = 0;
  std::uint64_t tile_points = 0;
  for (const RangeTile& tile : range.tiles) {
    tile_cells += tile.n_cells;
    tile_points += tile.n_points;
  }
  check(tile_cells == n && tile_points == points, ErrorCode::kInternal,
        "range {}-{}: its tiles count {} cells and {} points, but it holds {} and {}", range.first,
        range.last, tile_cells, tile_points, n, points);
  check(range.tile_features.size() == checked_mul(range.tiles.size(), schema.tile_features.size()),
        ErrorCode::kInternal, "range {}-{}: {} tile features do not fit {} tiles", range.first,
        range.last, range.tile_features.size(), range.tiles.size());
}

void write_columns(ColumnWriter& out, const TaskSchema& schema, const RangeResult& range) {
  out.tiles<std::uint32_t>("tiles/slide", range.tiles, &RangeTile::slide);
  out.tiles<std::int64_t>("tiles/x", range.tiles, &RangeTile::x);
  out.tiles<std::int64_t>("tiles/y", range.tiles, &RangeTile::y);
  out.tiles<std::uint8_t>("tiles/status", range.tiles, &RangeTile::status);
  out.tiles<std::uint32_t>("tiles/n_cells", range.tiles, &RangeTile::n_cells);
  out.tiles<std::uint64_t>("tiles/n_points", range.tiles, &RangeTile::n_points);
  out.tiles<float>("tiles/seconds", range.tiles, &RangeTile::seconds);
  std::vector<std::string> reasons;
  for (const RangeTile& tile : range.tiles) reasons.push_back(tile.reason);
  out.texts("tiles/reason", reasons);
  out.numbers("cells/x", range.cells.x);
  out.numbers("cells/y", range.cells.y);
  out.numbers("cells/class", range.cells.class_index);
  out.numbers("cells/contour_size", range.cells.contour_size);
  out.features("cells", schema.cell_features, range.cells.features);
  out.numbers("contours/x", range.cells.contour_x);
  out.numbers("contours/y", range.cells.contour_y);
  out.features("features", schema.tile_features, range.tile_features);
}

}  // namespace

void write_range(const std::filesystem::path& final_path, const TaskSchema& schema,
                 const RangeResult& range) {
  check_sizes(schema, range);
  AtomicFile target(final_path);
  h5::File file = h5::File::create(target.temp());
  set_format(file, kRangeFormat, kRangeVersion);
  file.set("generation", range.generation);
  file.set("first", range.first);
  file.set("last", range.last);
  file.set_text("pipeline_id", range.pipeline_id);
  file.set_texts("cell_features", feature_names(schema.cell_features));
  file.set_texts("tile_features", feature_names(schema.tile_features));
  ColumnWriter out(file);
  write_columns(out, schema, range);
  file.close();
  seal(target.temp());
  target.commit();
}

}  // namespace tilepool
