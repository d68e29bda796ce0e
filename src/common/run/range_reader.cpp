#include <algorithm>
#include <numeric>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/format_check.h"
#include "common/run/range_file.h"
#include "common/run/range_schema.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

/// Bytes read at a time while a column is summed up.
constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;

template <h5::Element T, class Value>
void read_member(const h5::File& file, const std::string& path, std::vector<RangeTile>& tiles,
                 Value RangeTile::*member) {
  const auto values = file.read_column<T>(path);
  check(values.size() == tiles.size(), ErrorCode::kHdf5, "{}:/{} has {} rows, expected {}",
        file.where(), path, values.size(), tiles.size());
  for (std::size_t i = 0; i < tiles.size(); ++i) tiles[i].*member = static_cast<Value>(values[i]);
}

std::uint64_t sum(const h5::File& file, const std::string& path) {
  const h5::Dataset column = file.open_dataset(path);
  const std::uint64_t most = kBlockBytes / sizeof(std::uint64_t);
  std::vector<std::uint64_t> block;
  std::uint64_t total = 0;
  for (std::uint64_t first = 0; first < column.rows(); first += most) {
    block.resize(std::min(most, column.rows() - first));
    column.read(first, std::span<std::uint64_t>(block));
    total = std::accumulate(block.begin(), block.end(), total);
  }
  return total;
}

void check_rows(const h5::File& file, const std::string& path, std::uint64_t rows) {
  const h5::Dataset column = file.open_dataset(path);
  check(column.dims().size() == 1 && column.rows() == rows, ErrorCode::kHdf5,
        "{} has {} rows, expected {}", column.where(), column.rows(), rows);
}

}  // namespace

struct RangeReader::Impl {
  Impl(const std::filesystem::path& path, const TaskSchema& task_schema, RangeSeal seal)
      : schema(task_schema),
        file(seal == RangeSeal::kCheck ? open_sealed(path) : h5::File::open(path)) {
    check_format(file, kRangeFormat, kRangeVersion);
    generation = file.get<std::uint32_t>("generation");
    first = file.get<std::uint64_t>("first");
    last = file.get<std::uint64_t>("last");
    pipeline_id = file.text("pipeline_id");
    check(file.texts("cell_features") == feature_names(schema.cell_features) &&
              file.texts("tile_features") == feature_names(schema.tile_features),
          ErrorCode::kHdf5, "{}: holds other features than this run computes", file.where());
    n_tiles = file.open_dataset("tiles/slide").rows();
    n_cells = sum(file, "tiles/n_cells");
    n_points = sum(file, "tiles/n_points");
    check_all_rows();
  }

  void check_all_rows() const {
    for (const std::string& path : range_columns(schema)) {
      const bool by_tile = path.starts_with("tiles/") || path.starts_with("features/");
      check_rows(file, path, by_tile ? n_tiles : path.starts_with("cells/") ? n_cells : n_points);
    }
  }

  TaskSchema schema;
  h5::File file;
  std::uint32_t generation = 0;
  std::uint64_t first = 0, last = 0, n_tiles = 0, n_cells = 0, n_points = 0;
  std::string pipeline_id;
};

RangeReader::RangeReader(const std::filesystem::path& file, const TaskSchema& schema,
                         RangeSeal seal)
    : impl_(std::make_unique<Impl>(file, schema, seal)) {}
RangeReader::~RangeReader() = default;
RangeReader::RangeReader(RangeReader&&) noexcept = default;
RangeReader& RangeReader::operator=(RangeReader&&) noexcept = default;

std::uint32_t RangeReader::generation() const { return impl_->generation; }
std::uint64_t RangeReader::first() const { return impl_->first; }
std::uint64_t RangeReader::last() const { return impl_->last; }
const std::string& RangeReader::pipeline_id() const { return impl_->pipeline_id; }
std::uint64_t RangeReader::n_cells() const { return impl_->n_cells; }
std::uint64_t RangeReader::n_points() const { return impl_->n_points; }

std::vector<RangeTile> RangeReader::tiles() const {
  const h5::File& file = impl_->file;
  std::vector<RangeTile> tiles(impl_->n_tiles);
  read_member<std::uint32_t>(file, "tiles/slide", tiles, &RangeTile::slide);
  read_member<std::int64_t>(file, "tiles/x", tiles, &RangeTile::x);
  read_member<std::int64_t>(file, "tiles/y", tiles, &RangeTile::y);
  read_member<std::uint8_t>(file, "tiles/status", tiles, &RangeTile::status);
  read_member<std::uint32_t>(file, "tiles/n_cells", tiles, &RangeTile::n_cells);
  read_member<std::uint64_t>(file, "tiles/n_points", tiles, &RangeTile::n_points);
  read_member<float>(file, "tiles/seconds", tiles, &RangeTile::seconds);
  std::vector<std::string> reasons = file.read_texts("tiles/reason");
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    check(tiles[i].status == TileStatus::kDone || tiles[i].status == TileStatus::kFailed,
          ErrorCode::kHdf5, "{}: tile {} has status {}", file.where(), i,
          static_cast<int>(tiles[i].status));
    tiles[i].reason = std::move(reasons[i]);
  }
  return tiles;
}

void RangeReader::verify() const {
  check(sum(impl_->file, "cells/contour_size") == impl_->n_points, ErrorCode::kHdf5,
        "{}: contour sizes do not add up to its {} points", impl_->file.where(), impl_->n_points);
}

}  // namespace tilepool
