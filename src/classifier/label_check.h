#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>

#include "classifier/cell_lookup.h"
#include "labels/label_file.h"

namespace tilepool {

/// Throws Error(kConfig) unless every label fits the run: same pipeline and class where the file
/// names them, and a cell of that class behind each uid. All problems of all files at once, with
/// counts. `cells` is what find_cells() gave for the files' uids.
void check_labels(const ResultsReader& results, const std::string& class_name,
                  std::span<const LabelFile> files,
                  const std::unordered_map<std::uint64_t, CellPlace>& cells);

}  // namespace tilepool
