#include "common/run/range_schema.h"
#include "example_range.h"
#include "hdf5_content.h"

using namespace tilepool;

namespace {

void write_content(const std::filesystem::path& file, fuzz::Input& input) {
  const TaskSchema schema = fuzz::example_schema();
  const std::uint64_t n_tiles = input.byte() % 4;
  std::vector<std::uint32_t> cells;
  std::vector<std::uint64_t> points;
  std::uint64_t n_cells = 0;
  for (std::uint64_t i = 0; i < n_tiles; ++i) {
    cells.push_back(input.byte() % 4);
    points.push_back(3 * cells.back());
    n_cells += cells.back();
  }
  fuzz::Hdf5Content content(file, input);
  content.text_attribute("", "format", kRangeFormat);
  content.attribute<std::uint32_t>("", "version", kRangeVersion);
  content.attribute<std::uint32_t>("", "generation", 0);
  content.attribute<std::uint64_t>("", "first", 0);
  content.attribute<std::uint64_t>("", "last", n_tiles);
  content.text_attribute("", "pipeline_id", "pipe");
  content.texts_attribute("", "cell_features", feature_names(schema.cell_features));
  content.texts_attribute("", "tile_features", feature_names(schema.tile_features));
  content.numbers<std::uint32_t>("tiles/slide", n_tiles);
  content.numbers<std::int64_t>("tiles/x", n_tiles);
  content.numbers<std::int64_t>("tiles/y", n_tiles);
  content.right_numbers<std::uint8_t>("tiles/status", std::vector<std::uint8_t>(n_tiles, 1));
  content.right_numbers("tiles/n_cells", cells);
  content.right_numbers("tiles/n_points", points);
  content.numbers<float>("tiles/seconds", n_tiles);
  content.texts("tiles/reason", n_tiles, 8);
  content.numbers<double>("cells/x", n_cells);
  content.numbers<double>("cells/y", n_cells);
  content.numbers<std::uint8_t>("cells/class", n_cells);
  content.right_numbers("cells/contour_size", std::vector<std::uint32_t>(n_cells, 3));
  for (const FeatureSpec& feature : schema.cell_features)
    content.numbers<float>("cells/" + feature.name, n_cells);
  content.numbers<float>("contours/x", 3 * n_cells);
  content.numbers<float>("contours/y", 3 * n_cells);
  for (const FeatureSpec& feature : schema.tile_features)
    content.numbers<float>("features/" + feature.name, n_tiles);
  content.close();
}

}  // namespace

// A range file that is sound HDF5 and holds other things than it should.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFolder folder;
  fuzz::Input input(data, size);
  const auto file = folder.path() / "range.h5";
  write_content(file, input);
  fuzz::accepted([&] { fuzz::read_whole_range(file); });
  fuzz::require_all_closed();
  return 0;
}
