#pragma once

#include <cstdint>
#include <vector>

#include "common/hdf5/dataset.h"
#include "common/run/cell_scores.h"
#include "common/run/results_reader.h"

namespace tilepool {

/// Consecutive cells of one slide.
struct CellBlock {
  std::vector<double> x, y;                  ///< centroid, level-0 px
  std::vector<std::uint8_t> class_index;     ///< < number of classes
  std::vector<std::uint64_t> uid;            ///<
  std::vector<std::vector<float>> features;  ///< [feature][cell]
  std::vector<float> score;                  ///< as CellScores gives it; empty: the run has none
  std::vector<std::uint8_t> decision;        ///< likewise
  std::vector<std::uint64_t> contour_begin;  ///< [n + 1], into the points below; may be empty
  std::vector<float> contour_x, contour_y;   ///< level-0 px, rings not closed; may be empty

  [[nodiscard]] std::size_t size() const { return x.size(); }
};

/// Goes through the cells of a slide by blocks of bounded size:
///   for (CellBlocks cells(results, scores, slide, Contours::kRead); cells.next();)
///   use(cells.block());
/// Throws Error(kHdf5) where the columns contradict each other.
class CellBlocks {
 public:
  enum class Contours { kRead, kSkip };
  CellBlocks(const ResultsReader& results, const CellScores& scores, const ResultsSlide& slide,
             Contours contours);

  /// Reads the next block; false when there is none.
  bool next();
  [[nodiscard]] const CellBlock& block() const { return block_; }

 private:
  void read_contour_begin();
  void read_contours();

  // Kept open: HDF5 keeps the chunk of a column that two blocks share as long as it is.
  h5::Dataset x_, y_, class_, uid_;
  const CellScores& scores_;
  std::vector<h5::Dataset> features_;
  std::vector<h5::Dataset> contours_;  ///< contour_begin, x, y; empty: skipped
  std::uint64_t row_, end_;
  std::size_t n_classes_;
  CellBlock block_;
};

}  // namespace tilepool
