#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// One row of a manifest.
struct ManifestRow {
  std::size_t line = 0;  ///< where it begins, 1-based
  SlideEntry entry;      ///< paths as written (no glob)
};

/// Reads a slide list in CSV (RFC 4180; UTF-8 with or without byte order mark; CRLF or LF): a
/// header that names the columns path[,id][,group][,mpp][,annotations] in any order, then a row a
/// slide. Other columns are left out with a line in `warnings`. Blank lines are skipped. Throws
/// Error(kConfig) that lists every problem as `NAME:LINE: problem`.
[[nodiscard]] std::vector<ManifestRow> parse_manifest(std::string_view text,
                                                      const std::string& name,
                                                      std::vector<std::string>& warnings);

}  // namespace tilepool
