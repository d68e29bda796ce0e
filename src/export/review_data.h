#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "export/cell_blocks.h"
#include "export/review_cells.h"

namespace tilepool {

/// Cells in one file of contours.
inline constexpr std::size_t kContourCells = 500;
/// Steps of a contour's coordinates per pixel of the crop.
inline constexpr double kContourSteps = 8;

/// Files 000000.js ... of contours, kContourCells cells each: a call of `tilepoolContours` with the
/// file's number and base64 of, little-endian, the points of each cell (u16), then their x and y in
/// crop coordinates (i16, kContourSteps a pixel).
class ContourFiles {
 public:
  ContourFiles(std::filesystem::path folder, std::int64_t crop_px)
      : folder_(std::move(folder)), crop_px_(crop_px) {}

  /// Cell `i` of the block, as the next one. Throws Error(kIo).
  void add(const CellBlock& block, std::size_t i);
  /// Writes what waits. Returns the bytes of all files.
  std::uint64_t close();

 private:
  void write();

  std::filesystem::path folder_;
  std::int64_t crop_px_;
  std::vector<std::uint16_t> counts_;
  std::vector<std::int16_t> points_;
  std::size_t n_files_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What the page is told of a slide beside its row of /slides.
struct ReviewSlide {
  std::size_t first_sheet = 0;
  std::string problem;       ///< why cells have no picture; empty: all have
  bool has_context = false;  ///< slides/<number>.webp is there
};

struct ReviewData {
  const ResultsReader& results;
  const ReviewCells& cells;
  const std::vector<ReviewSlide>& slides;  ///< of each slide of the results
  std::int64_t crop_px = 0;
};

/// cells.js: a call of `tilepoolCells` with all that the page has to know before it shows a crop.
/// docs/review.md has its keys. Markup in names cannot end a script: < is escaped.
[[nodiscard]] std::string cells_script(const ReviewData& data);

}  // namespace tilepool
