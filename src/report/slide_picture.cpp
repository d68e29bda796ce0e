#include "report/slide_picture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "common/base/base64.h"
#include "common/base/error.h"
#include "common/run/tissue_decision.h"
#include "report/html.h"
#include "report/image_data.h"
#include "report/outline.h"

namespace tilepool {
namespace {

/// More tiles than this are drawn as bars without borders: they are a few pixels each.
constexpr std::size_t kMostSquares = 1500;
/// How large the picture stands on the page, CSS pixels along its long edge.
constexpr double kShown_px = 384;

struct Fidelity {
  std::int64_t edge_px;
  int quality;
};
constexpr std::array kFidelities = {Fidelity{384, 84}, Fidelity{352, 80}, Fidelity{320, 76},
                                    Fidelity{288, 72}, Fidelity{256, 66}, Fidelity{224, 62},
                                    Fidelity{192, 56}, Fidelity{160, 50}, Fidelity{128, 42}};

struct Layers {
  std::vector<PictureTile> pool, done, waiting, failed;
};

Layers sort_tiles(const RunView& view, std::size_t index) {
  Layers layers;
  const SlideView& slide = view.slides[index];
  const std::int64_t core = slide.plan.core_px;
  if (view.plan == nullptr || core <= 0) return layers;
  const auto n_pool = static_cast<std::uint64_t>(slide.plan.n_pool);
  const auto n_sample = static_cast<std::uint64_t>(slide.plan.n_sample);
  for (const PoolTile& tile : view.plan->pool(slide.pool_first, n_pool))
    layers.pool.push_back({tile.x / core, tile.y / core});
  for (const PoolTile& tile : view.plan->sample_tiles(slide.sample_first, n_sample)) {
    const TileStatus status = view.outcomes->of(tile.slide, tile.x, tile.y).status;
    std::vector<PictureTile>& layer = status == TileStatus::kDone     ? layers.done
                                      : status == TileStatus::kFailed ? layers.failed
                                                                      : layers.waiting;
    layer.push_back({tile.x / core, tile.y / core, status});
  }
  return layers;
}

std::string tile_layer(const std::vector<PictureTile>& tiles, const char* name) {
  if (tiles.empty()) return "";
  const bool bars = tiles.size() > kMostSquares;
  return fmt::format("<path class=\"{}{}\" d=\"{}\"/>", name, bars ? " dense" : "",
                     tile_path(tiles, bars));
}

/// A cross in each failed tile, so that it differs in shape too.
std::string crosses(const std::vector<PictureTile>& tiles) {
  if (tiles.empty()) return "";
  std::string path;
  for (const PictureTile& tile : tiles)
    path += fmt::format("M{} {}l1 1m0-1l-1 1", tile.column, tile.row);
  return fmt::format("<path class=\"halo\" d=\"{0}\"/><path class=\"cross\" d=\"{0}\"/>", path);
}

/// In the units of the tiles: the grid of the cells covers the slide, not the thumbnail's pixels.
std::string cells_image(const PlanSlide& slide, const std::string& cells) {
  if (cells.empty() || slide.core_px <= 0) return "";
  const auto core = static_cast<double>(slide.core_px);
  return fmt::format(
      "<image class=\"cells\" preserveAspectRatio=\"none\" width=\"{:.6g}\" height=\"{:.6g}\" "
      "href=\"data:image/webp;base64,{}\"/>",
      static_cast<double>(slide.width) / core, static_cast<double>(slide.height) / core,
      base64({reinterpret_cast<const std::uint8_t*>(cells.data()), cells.size()}));
}

struct Scale {
  double x = 1, y = 1;  ///< thumbnail pixels per tile
};

std::string overlay(const Layers& layers, const std::string& outline, const std::string& cells,
                    const Scale& scale) {
  std::string svg;
  if (!outline.empty())
    svg += fmt::format("<path class=\"tissue\" transform=\"scale(.5)\" d=\"{}\"/>", outline);
  return svg + fmt::format("<g transform=\"scale({:.5g} {:.5g})\">", scale.x, scale.y) +
         tile_layer(layers.pool, "pool") + tile_layer(layers.waiting, "wait") +
         tile_layer(layers.done, "done") + tile_layer(layers.failed, "fail") + cells +
         crosses(layers.failed) + "</g>";
}

std::string description(const SlideView& slide) {
  return fmt::format("Thumbnail of {}: {} pooled, {} sampled, {} done, {} failed, {}",
                     escape_html(slide.plan.id), slide.plan.n_pool,
                     counted(static_cast<std::uint64_t>(slide.plan.n_sample), "tile"), slide.n_done,
                     slide.n_failed, counted(static_cast<std::uint64_t>(slide.n_cells), "cell"));
}

/// The scan at the size of the largest picture: what every fidelity is made from.
struct Base {
  SmallImage image;
  SmallMask mask;                   ///< of the image's size, or empty
  double tiles_x = 0, tiles_y = 0;  ///< tiles across the image
  bool dark = false;
};

Base make_base(const SlideScan& scan) {
  const TissueMap& map = scan.tissue;
  Base base;
  base.image =
      shrink({map.rgb.data(), map.width, map.height, 3 * map.width}, kFidelities[0].edge_px);
  if (map.mask.size() > 0)
    base.mask = shrink_mask({map.mask.data(), map.width, map.height, map.width}, base.image.width,
                            base.image.height);
  const auto core = static_cast<double>(scan.grid.core_px) / map.downsample;
  base.tiles_x = static_cast<double>(map.width) / core;
  base.tiles_y = static_cast<double>(map.height) / core;
  base.dark = scan.modality == Modality::kFluorescence;
  return base;
}

std::string outline_of(const Base& base, const SmallImage& image, double tolerance) {
  if (base.mask.ones.empty()) return "";
  const ImageView<const std::uint8_t> mask{base.mask.ones.data(), base.mask.width, base.mask.height,
                                           base.mask.width};
  return outline_path(shrink_mask(mask, image.width, image.height), tolerance);
}

std::string draw(const Base& base, const SlideView& slide, const Layers& layers,
                 const std::string& cells, const Fidelity& fidelity, double tolerance) {
  const SmallImage image =
      shrink({base.image.rgb.data(), base.image.width, base.image.height, 3 * base.image.width},
             fidelity.edge_px);
  const Scale scale{static_cast<double>(image.width) / base.tiles_x,
                    static_cast<double>(image.height) / base.tiles_y};
  const double shown = kShown_px / static_cast<double>(std::max(image.width, image.height));
  return fmt::format(
             "<svg class=\"slide{}\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {} {}\" "
             "width=\"{:.0f}\" height=\"{:.0f}\">",
             base.dark ? " dark" : "", description(slide), image.width, image.height,
             shown * static_cast<double>(image.width), shown * static_cast<double>(image.height)) +
         fmt::format("<image width=\"{}\" height=\"{}\" href=\"data:image/jpeg;base64,{}\"/>",
                     image.width, image.height, base64(encode_jpeg(image, fidelity.quality))) +
         overlay(layers, outline_of(base, image, tolerance), cells, scale) + "</svg>";
}

// A cohort-wide tissue rule was applied after the scan was committed: the mask is made again.
SlideScan read_pictured(const RunLayout& layout, const RunView& view, const std::string& id,
                        bool with_mask, Budget& budget) {
  const bool variance =
      with_mask && view.run && view.run->options.tissue.method == TissueMethod::kVariance;
  SlideScan scan = read_scan(layout.scan_file(id), {true, with_mask, variance}, budget);
  if (variance && view.plan_head)
    decide_tissue(scan, view.run->options.tissue, view.plan_head->variance_threshold, budget);
  return scan;
}

SlideScan read_what_fits(const RunLayout& layout, const RunView& view, const std::string& id,
                         Budget& budget) {
  try {
    return read_pictured(layout, view, id, true, budget);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBudget) throw;
    return read_pictured(layout, view, id, false, budget);
  }
}

}  // namespace

std::size_t picture_bytes(std::size_t n_slides) {
  constexpr std::size_t kAll = 4'000'000;
  return std::clamp<std::size_t>(kAll / std::max<std::size_t>(1, n_slides), 6'000, 120'000);
}

std::size_t cell_bytes(std::size_t n_slides) { return picture_bytes(n_slides) / 5; }

std::string tile_path(const std::vector<PictureTile>& tiles, bool bars) {
  std::string path;
  std::int64_t x = 0;
  std::int64_t y = 0;
  for (std::size_t i = 0; i < tiles.size();) {
    std::size_t n = 1;
    while (bars && i + n < tiles.size() && tiles[i + n].row == tiles[i].row &&
           tiles[i + n].column == tiles[i].column + static_cast<std::int64_t>(n))
      ++n;
    const std::int64_t dx = tiles[i].column - x;
    const std::int64_t dy = tiles[i].row - y;
    // After z the current point is where the square began.
    path += fmt::format("m{}{}{}h{}v1h-{}z", dx, dy < 0 ? "" : " ", dy, n, n);
    x = tiles[i].column;
    y = tiles[i].row;
    i += n;
  }
  return path;
}

SlidePicture draw_slide(const RunLayout& layout, const RunView& view, std::size_t index,
                        const std::string& cells, std::size_t most_bytes, Budget& budget) {
  SlidePicture picture;
  const SlideView& slide = view.slides[index];
  if (!std::filesystem::exists(layout.scan_file(slide.plan.id))) {
    picture.why_empty = "not scanned yet";
    return picture;
  }
  try {
    const SlideScan scan = read_what_fits(layout, view, slide.plan.id, budget);
    picture.mpp_source = scan.info.mpp_source;
    picture.notes = scan.notes;
    if (scan.tissue.rgb.size() == 0) {
      picture.why_empty = scan.failed ? "no picture: the slide failed" : "no picture was saved";
      return picture;
    }
    const Base base = make_base(scan);
    const Layers layers = sort_tiles(view, index);
    const std::string cell_layer = cells_image(slide.plan, cells);
    double tolerance = 1.2;
    for (const Fidelity& fidelity : kFidelities) {
      picture.svg = draw(base, slide, layers, cell_layer, fidelity, tolerance);
      if (picture.svg.size() <= most_bytes) break;
      tolerance *= 1.15;
    }
  } catch (const Error& error) {
    const bool here = error.code() == ErrorCode::kHdf5 || error.code() == ErrorCode::kIo ||
                      error.code() == ErrorCode::kBudget;
    if (!here) throw;
    picture.why_empty = "no picture: " + one_line(error.what());
  }
  return picture;
}

}  // namespace tilepool
