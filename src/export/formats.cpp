#include "export/formats.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

constexpr std::array<std::string_view, 5> kReviewParts = {"index.html", "cells.js", "sheets",
                                                          "contours", "slides"};

constexpr std::array kFormats = {
    ExportFormat{.name = "geojson",
                 .needs_cells = true,
                 .suffix = ".geojson.gz",
                 .write_slide = write_geojson},
    ExportFormat{.name = "csv",
                 .needs_cells = true,
                 .suffix = ".csv",
                 .write_slide = write_cells_csv,
                 .cohort_file = "cohort.csv",
                 .write_cohort = write_cohort_csv},
    ExportFormat{.name = "h5ad",
                 .needs_cells = true,
                 .cohort_file = "cells.h5ad",
                 .write_cohort = write_h5ad},
    ExportFormat{.name = "annotationstore",
                 .needs_cells = true,
                 .suffix = ".db",
                 .write_slide = write_annotation_store},
    ExportFormat{.name = "clam", .suffix = ".h5", .write_slide = write_clam},
    ExportFormat{.name = "trident",
                 .suffix = "_patches.h5",
                 .write_slide = write_trident,
                 .why_not = why_no_trident},
    ExportFormat{.name = "npy", .suffix = ".npy", .write_slide = write_npy},
    ExportFormat{.name = "review",
                 .needs_cells = true,
                 .cohort_folder = "review",
                 .folder_parts = kReviewParts,
                 .write_folder = write_review},
};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  names.reserve(kFormats.size());
  for (const ExportFormat& format : kFormats) names.emplace_back(format.name);
  return names;
}

const ExportFormat* format_of(std::string_view name) {
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(),
                                         [&](const auto& format) { return format.name == name; });
  if (found != kFormats.end()) return found;
  const std::vector<std::string> names = format_names();
  const auto meant = nearest_of(name, names);
  fail(ErrorCode::kUsage, "--format: \"{}\" is not one of {}{}", printable_utf8(name),
       fmt::join(names, ", "), meant ? fmt::format("; did you mean {}?", *meant) : "");
}

}  // namespace

std::span<const ExportFormat> export_formats() { return kFormats; }

std::vector<const ExportFormat*> parse_formats(std::string_view list) {
  std::vector<const ExportFormat*> formats;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const ExportFormat* const format = format_of(trimmed(list.substr(at, comma - at)));
    if (std::find(formats.begin(), formats.end(), format) == formats.end())
      formats.push_back(format);
    at = comma + 1;
  }
  return formats;
}

TileChoice parse_tile_choice(std::string_view name) {
  if (name == "pool") return TileChoice::kPool;
  check(name == "sample", ErrorCode::kUsage, "--tiles: \"{}\" is neither pool nor sample",
        printable_utf8(name));
  return TileChoice::kSample;
}

}  // namespace tilepool
