#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/export_job.h"

namespace tilepool {

/// What a format writes: a file for each slide, a file or a folder for the cohort, or both.
struct ExportFormat {
  std::string_view name;     ///< on the command line
  bool needs_cells = false;  ///< a run without cells has nothing for it
  std::string_view suffix;   ///< of a slide's file, behind its stem; empty: no file a slide
  std::uint64_t (*write_slide)(const ExportJob&, const ResultsSlide&,
                               const std::filesystem::path&) = nullptr;
  /// Why this slide cannot be written, else empty; may be null.
  std::string_view (*why_not)(const ResultsSlide&) = nullptr;
  std::string_view cohort_file;  ///< its name; empty: none
  std::uint64_t (*write_cohort)(const ExportJob&, const std::filesystem::path&) = nullptr;
  std::string_view cohort_folder;  ///< its name; empty: none. index.html in it is what one opens
  std::span<const std::string_view> folder_parts;  ///< all names in it
  FolderWritten (*write_folder)(const ExportJob&, const std::filesystem::path&) = nullptr;
};

/// All that are built.
[[nodiscard]] std::span<const ExportFormat> export_formats();

/// The formats of a list such as "geojson,csv", each once, in the order given. Throws Error(kUsage)
/// with the nearest name.
[[nodiscard]] std::vector<const ExportFormat*> parse_formats(std::string_view list);

/// "pool" or "sample"; throws Error(kUsage).
[[nodiscard]] TileChoice parse_tile_choice(std::string_view name);

}  // namespace tilepool
