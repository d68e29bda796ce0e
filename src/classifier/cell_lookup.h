#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/run/results_reader.h"

namespace tilepool {

/// Where a cell stands in results.h5.
struct CellPlace {
  std::uint64_t row = 0;     ///< of /cells
  std::uint64_t sample = 0;  ///< of /sample: its tile
  std::uint32_t slide = 0;   ///< of /slides
  std::uint8_t class_index = 0;
};

/// The cells with these uids; those that the run does not have are absent. Reads /cells/uid once,
/// by pieces.
[[nodiscard]] std::unordered_map<std::uint64_t, CellPlace> find_cells(
    const ResultsReader& results, const std::set<std::uint64_t>& uids);

/// Features of rows [first, first + count) of /cells, row by row, [count][features.size()]. What is
/// not finite becomes NaN, a missing value.
[[nodiscard]] std::vector<float> feature_rows(const ResultsReader& results,
                                              const std::vector<std::string>& features,
                                              std::uint64_t first, std::uint64_t count);

/// The index of a class of the run. Throws Error(kUsage) with the nearest name, and Error(kNoInput)
/// when the run has no cells.
[[nodiscard]] std::uint8_t class_index_of(const ResultsReader& results,
                                          const std::string& class_name);

}  // namespace tilepool
