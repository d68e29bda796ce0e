#include "export/cell_blocks.h"

#include <algorithm>

#include "common/base/error.h"

namespace tilepool {
namespace {

/// A quarter of a chunk of /cells.
constexpr std::uint64_t kBlockCells = 16384;
/// A chunk of /contours; a single cell may have more.
constexpr std::uint64_t kBlockPoints = 262144;
/// A polygon's least number of corners.
constexpr std::uint64_t kLeastPoints = 3;

template <class T>
void read_rows(const h5::Dataset& column, std::uint64_t first, std::uint64_t count,
               std::vector<T>& values) {
  values.resize(count);
  if (count > 0) column.read(first, std::span<T>(values));
}

}  // namespace

CellBlocks::CellBlocks(const ResultsReader& results, const CellScores& scores,
                       const ResultsSlide& slide, Contours contours)
    : x_(results.column("cells/x")),
      y_(results.column("cells/y")),
      class_(results.column("cells/class")),
      uid_(results.column("cells/uid")),
      scores_(scores),
      row_(slide.cell_first),
      end_(slide.cell_first + static_cast<std::uint64_t>(slide.n_cells)),
      n_classes_(results.classes().size()) {
  for (const FeatureSpec& feature : results.cell_features())
    features_.push_back(results.column("cells/" + feature.name));
  block_.features.resize(features_.size());
  if (contours == Contours::kSkip) return;
  for (const char* column : {"cells/contour_begin", "contours/x", "contours/y"})
    contours_.push_back(results.column(column));
}

void CellBlocks::read_contour_begin() {
  std::vector<std::uint64_t>& begin = block_.contour_begin;
  read_rows(contours_[0], row_, std::min(kBlockCells, end_ - row_) + 1, begin);
  for (std::size_t i = 0; i + 1 < begin.size(); ++i)
    check(begin[i] <= begin[i + 1] && begin[i + 1] - begin[i] >= kLeastPoints, ErrorCode::kHdf5,
          "{}: cell {} has a contour from point {} to {}, expected at least {} points",
          contours_[0].where(), row_ + i, begin[i], begin[i + 1], kLeastPoints);
  const auto too_far =
      std::upper_bound(begin.begin() + 2, begin.end(), begin.front() + kBlockPoints);
  begin.erase(too_far, begin.end());
}

void CellBlocks::read_contours() {
  std::vector<std::uint64_t>& begin = block_.contour_begin;
  const std::uint64_t first = begin.front();
  read_rows(contours_[1], first, begin.back() - first, block_.contour_x);
  read_rows(contours_[2], first, begin.back() - first, block_.contour_y);
  for (std::uint64_t& at : begin) at -= first;
}

bool CellBlocks::next() {
  if (row_ == end_) return false;
  std::uint64_t count = std::min(kBlockCells, end_ - row_);
  if (!contours_.empty()) {
    read_contour_begin();
    count = block_.contour_begin.size() - 1;
    read_contours();
  }
  read_rows(x_, row_, count, block_.x);
  read_rows(y_, row_, count, block_.y);
  read_rows(class_, row_, count, block_.class_index);
  read_rows(uid_, row_, count, block_.uid);
  for (std::size_t f = 0; f < features_.size(); ++f)
    read_rows(features_[f], row_, count, block_.features[f]);
  for (const std::uint8_t index : block_.class_index)
    check(index < n_classes_, ErrorCode::kHdf5, "{}: class {} of a cell, but there are only {}",
          class_.where(), index, n_classes_);
  if (scores_.any()) {
    block_.score.resize(count);
    block_.decision.resize(count);
    scores_.read(row_, block_.score, block_.decision);
  }
  row_ += count;
  return true;
}

}  // namespace tilepool
