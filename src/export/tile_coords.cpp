#include <array>
#include <cmath>

#include "common/base/error.h"
#include "export/export_job.h"
#include "export/python_hdf5.h"

namespace tilepool {
namespace {

/// Rows of a chunk of /coords. Readers take one row at a time, or all of them.
constexpr std::uint64_t kChunkTiles = 4096;

/// Rows of /pool that the slide's file lists.
std::vector<std::uint64_t> chosen_tiles(const ExportJob& job, const ResultsSlide& slide) {
  if (job.tiles == TileChoice::kSample)
    return job.results.rows<std::uint64_t>("sample/pool", slide.sample_first,
                                           static_cast<std::uint64_t>(slide.n_sample));
  std::vector<std::uint64_t> tiles(static_cast<std::size_t>(slide.n_pool));
  for (std::size_t i = 0; i < tiles.size(); ++i) tiles[i] = slide.pool_first + i;
  return tiles;
}

/// [n][2]: x and y of each corner.
std::vector<std::int64_t> corners_of(const ExportJob& job, const ResultsSlide& slide) {
  const auto n_pool = static_cast<std::uint64_t>(slide.n_pool);
  const auto x = job.results.rows<std::int64_t>("pool/x", slide.pool_first, n_pool);
  const auto y = job.results.rows<std::int64_t>("pool/y", slide.pool_first, n_pool);
  std::vector<std::int64_t> corners;
  for (const std::uint64_t tile : chosen_tiles(job, slide)) {
    check(tile >= slide.pool_first && tile - slide.pool_first < n_pool, ErrorCode::kHdf5,
          "results.h5: sampled tile {} is not of its slide {}", tile, slide.id);
    corners.push_back(x[tile - slide.pool_first]);
    corners.push_back(y[tile - slide.pool_first]);
  }
  return corners;
}

/// A file with /coords; `add_attributes` gives it what its reader looks for.
template <class AddAttributes>
std::uint64_t write_coords(const ExportJob& job, const ResultsSlide& slide,
                           const std::filesystem::path& path, AddAttributes add_attributes) {
  const std::vector<std::int64_t> corners = corners_of(job, slide);
  const std::uint64_t n = corners.size() / 2;
  h5::File file = h5::File::create(path);
  h5::Dataset coords = file.create_dataset<std::int64_t>(
      "coords", {n, 2},
      {.chunk = {kChunkTiles, 2}, .extendible = true, .filter = {h5::FilterKind::kGzip, 1}});
  if (n > 0) coords.write(0, std::span<const std::int64_t>(corners));
  add_attributes(coords);
  coords.close();
  file.close();
  job.watch.advance(n);
  return n;
}

/// TRIDENT's own reading of mpp (WSI._fetch_magnification); 0: none.
std::int64_t magnification(double mpp_um) {
  struct Step {
    double below_um;
    std::int64_t magnification;
  };
  constexpr std::array<Step, 6> kSteps = {Step{0.16, 80}, Step{0.2, 60}, Step{0.3, 40},
                                          Step{0.6, 20},  Step{1.2, 10}, Step{2.4, 5}};
  for (const Step& step : kSteps)
    if (mpp_um < step.below_um) return step.magnification;
  return 0;
}

}  // namespace

std::uint64_t write_clam(const ExportJob& job, const ResultsSlide& slide,
                         const std::filesystem::path& path) {
  return write_coords(job, slide, path, [&](h5::Dataset& coords) {
    const std::array<double, 2> downsample = {1, 1};
    const std::array<std::int64_t, 2> size = {slide.width, slide.height};
    coords.set<std::int64_t>("patch_size", slide.core_px);
    coords.set<std::int64_t>("patch_level", 0);
    set_python_array(coords, "downsample", downsample);
    set_python_array(coords, "downsampled_level_dim", size);
    set_python_array(coords, "level_dim", size);
    set_python_text(coords, "name", slide.id);
    set_python_text(coords, "save_path", "");
  });
}

std::string_view why_no_trident(const ResultsSlide& slide) {
  if (std::isnan(slide.mpp_x)) return "its mpp is not known, and so no magnification";
  if (magnification(slide.mpp_x) == 0) return "its mpp is above 2.4, where TRIDENT knows none";
  return "";
}

std::uint64_t write_trident(const ExportJob& job, const ResultsSlide& slide,
                            const std::filesystem::path& path) {
  return write_coords(job, slide, path, [&](h5::Dataset& coords) {
    // Patches are read at level 0, where a tile has its whole size: both magnifications are equal.
    const std::int64_t level0 = magnification(slide.mpp_x);
    coords.set<std::int64_t>("patch_size", slide.core_px);
    coords.set<std::int64_t>("patch_size_level0", slide.core_px);
    coords.set<std::int64_t>("level0_magnification", level0);
    coords.set<std::int64_t>("target_magnification", level0);
    coords.set<std::int64_t>("overlap", 0);
    coords.set<std::int64_t>("level0_width", slide.width);
    coords.set<std::int64_t>("level0_height", slide.height);
    set_python_text(coords, "name", slide.id);
    set_python_text(coords, "savetodir", "");
  });
}

}  // namespace tilepool
