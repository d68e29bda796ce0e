#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/memory/budget.h"
#include "common/model/result.h"
#include "common/run/scan_file.h"
#include "report/run_view.h"

namespace tilepool {

/// A tile as the picture shows it: column and row of the slide's grid.
struct PictureTile {
  std::int64_t column = 0, row = 0;
  TileStatus status = TileStatus::kPending;
};

/// What is drawn of one slide.
struct SlidePicture {
  std::string svg;         ///< one <svg> element, or empty
  std::string why_empty;   ///< one line, when there is none
  std::string mpp_source;  ///< of the scan
  std::string notes;       ///< of the scan
};

/// The most bytes of HTML that a slide's picture should take, so that 100 slides stay below 5 MB.
[[nodiscard]] std::size_t picture_bytes(std::size_t n_slides);

/// The most bytes that the cells of a slide should take of that.
[[nodiscard]] std::size_t cell_bytes(std::size_t n_slides);

/// The slide's thumbnail (JPEG, inside the text) with the outline of its tissue, its pooled tiles
/// faint, its sampled tiles strong (outlined only while they wait) and its failed tiles crossed
/// out, and its cells (CellGrid::picture; empty for none) above. `index` is the slide's in `view`.
/// Edge and quality are the best that fit `most_bytes`.
[[nodiscard]] SlidePicture draw_slide(const RunLayout& layout, const RunView& view,
                                      std::size_t index, const std::string& cells,
                                      std::size_t most_bytes, Budget& budget);

/// Tiles as the data of an SVG path in units of one tile: squares, or bars of neighbours in a row.
[[nodiscard]] std::string tile_path(const std::vector<PictureTile>& tiles, bool bars);

}  // namespace tilepool
