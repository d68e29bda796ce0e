#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "common/run/results_reader.h"
#include "export/export_watch.h"

namespace tilepool {

/// Crops on a sheet: kSheetColumns beside each other, row after row; the last sheet of a slide has
/// only the rows that it needs. Small, so that a page in random order decodes little that it does
/// not show.
inline constexpr std::int64_t kSheetColumns = 4;
inline constexpr std::int64_t kSheetCells = 16;

/// Sheets of the cells of one slide.
struct SheetJob {
  const ResultsSlide& slide;
  std::span<const double> x, y;     ///< centroids, level-0 px
  std::int64_t crop_px = 0;         ///< edge of a crop, level-0 px and pixels of the sheet
  std::filesystem::path folder;     ///< for 000000.webp ...
  std::size_t first_sheet = 0;      ///< number of the slide's first sheet
  std::span<std::uint8_t> picture;  ///< to be set to 1 for cells whose crop could be read
};

/// The level-0 position of a crop's corner for a centroid at `centre`.
[[nodiscard]] std::int64_t crop_corner(double centre, std::int64_t crop_px);

struct SheetsWritten {
  std::uint64_t bytes = 0;
  std::string problem;  ///< why some or all cells of the slide have no picture, else empty
};

/// Reads the crops from the slide again and writes its sheets, on all cores granted; a thread holds
/// one sheet. A slide that is not there, cannot be read or is not the one of the run has no sheets;
/// a crop that cannot be read stays grey. Throws Error(kIo), and what the watch throws.
[[nodiscard]] SheetsWritten write_sheets(const SheetJob& job, ExportWatch& watch);

}  // namespace tilepool
