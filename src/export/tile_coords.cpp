#include <algorithm>
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

std::vector<std::int64_t> side_by_side(const std::vector<std::int64_t>& x,
                                       const std::vector<std::int64_t>& y) {
  std::vector<std::int64_t> corners;
  corners.reserve(2 * x.size());
  for (std::size_t i = 0; i < x.size(); ++i) corners.insert(corners.end(), {x[i], y[i]});
  return corners;
}

/// [n][2]: x and y of each corner: of the patches where the run has cut such, else of its tiles.
std::vector<std::int64_t> corners_of(const ExportJob& job, const ResultsSlide& slide) {
  if (job.results.has_patches()) {
    const auto n = static_cast<std::uint64_t>(slide.n_patches);
    return side_by_side(job.results.rows<std::int64_t>("patches/x", slide.patch_first, n),
                        job.results.rows<std::int64_t>("patches/y", slide.patch_first, n));
  }
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

/// What is read of the slide at each corner.
struct Square {
  std::int64_t size = 0;         ///< px of `level`
  std::int64_t size_level0 = 0;  ///< level-0 px
  std::int64_t target_px = 0;    ///< as the run saw it
  std::int64_t overlap_px = 0;   ///< of neighbours, as the run saw them
  std::int64_t level = 0;
  double downsample = 1;  ///< of `level`
  double scale = 1;       ///< level-0 px per px that the run saw
};

/// A tile's core on level 0; or a patch on the level that it was cut from. What was resampled is on
/// no level: it is read at level 0.
Square square_of(const ExportJob& job, const ResultsSlide& slide) {
  if (!job.results.has_patches()) return {slide.core_px, slide.core_px, slide.core_px};
  const ResultsPatches& patches = job.results.patches();
  const double scale = patches.scale(slide);
  Square square;
  square.target_px = patches.size_px;
  square.overlap_px = std::max<std::int64_t>(0, patches.size_px - patches.stride_px);
  square.size_level0 = std::llround(static_cast<double>(patches.size_px) * scale);
  square.size = patches.level > 0 ? patches.size_px : square.size_level0;
  square.level = patches.level;
  square.downsample = patches.level > 0 ? scale : 1;
  square.scale = scale;
  return square;
}

}  // namespace

std::uint64_t write_clam(const ExportJob& job, const ResultsSlide& slide,
                         const std::filesystem::path& path) {
  return write_coords(job, slide, path, [&](h5::Dataset& coords) {
    const Square square = square_of(job, slide);
    const std::array<double, 2> downsample = {square.downsample, square.downsample};
    const auto on_level = [&](std::int64_t level0_px) {
      return static_cast<std::int64_t>(static_cast<double>(level0_px) / square.downsample);
    };
    const std::array<std::int64_t, 2> size = {on_level(slide.width), on_level(slide.height)};
    coords.set<std::int64_t>("patch_size", square.size);
    coords.set<std::int64_t>("patch_level", square.level);
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
    // Tiles are listed at level 0, where both magnifications are equal. TRIDENT reads patches of
    // patch_size at target_magnification, from squares of patch_size_level0.
    const Square square = square_of(job, slide);
    const std::int64_t level0 = magnification(slide.mpp_x);
    const double target = static_cast<double>(level0) / square.scale;
    coords.set<std::int64_t>("patch_size", square.target_px);
    coords.set<std::int64_t>("patch_size_level0", square.size_level0);
    coords.set<std::int64_t>("level0_magnification", level0);
    coords.set<std::int64_t>("target_magnification",
                             std::max<std::int64_t>(1, std::llround(target)));
    coords.set<std::int64_t>("overlap", square.overlap_px);
    coords.set<std::int64_t>("level0_width", slide.width);
    coords.set<std::int64_t>("level0_height", slide.height);
    set_python_text(coords, "name", slide.id);
    set_python_text(coords, "savetodir", "");
  });
}

}  // namespace tilepool
