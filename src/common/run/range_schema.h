#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/result.h"

namespace tilepool {

inline constexpr char kRangeFormat[] = "tilepool-range";
inline constexpr std::uint32_t kRangeVersion = 2;

[[nodiscard]] inline std::vector<std::string> feature_names(
    const std::vector<FeatureSpec>& features) {
  std::vector<std::string> names;
  names.reserve(features.size());
  for (const FeatureSpec& feature : features) names.push_back(feature.name);
  return names;
}

/// Paths of all columns: /tiles, /cells, /contours, /features.
[[nodiscard]] inline std::vector<std::string> range_columns(const TaskSchema& schema) {
  std::vector<std::string> paths = {"tiles/slide",   "tiles/x",       "tiles/y",
                                    "tiles/status",  "tiles/n_cells", "tiles/n_points",
                                    "tiles/seconds", "tiles/reason",  "cells/x",
                                    "cells/y",       "cells/class",   "cells/contour_size"};
  for (const FeatureSpec& feature : schema.cell_features) paths.push_back("cells/" + feature.name);
  paths.insert(paths.end(), {"contours/x", "contours/y"});
  for (const FeatureSpec& feature : schema.tile_features) {
    paths.push_back("features/" + feature.name);
  }
  return paths;
}

}  // namespace tilepool
