#include "common/run/pack_source.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/model/tile_grid.h"
#include "common/run/plan_file.h"

namespace tilepool {
namespace {

/// Range files that stay open. A block of cells is read column by column from the files it lies
/// in, in the same order each time.
constexpr std::size_t kOpenFiles = 16;

std::vector<std::string> slide_ids(const RunLayout& layout) {
  return h5::File::open(layout.plan()).read_texts("slides/id");
}

}  // namespace

PackSource::PackSource(const PackJob& job, const std::filesystem::path& index_file,
                       std::uint64_t block_rows, Budget& budget)
    : ranges_dir_(job.layout.ranges_dir()),
      index_(index_file),
      slide_ids_(slide_ids(job.layout)),
      class_names_(job.class_names),
      x_(budget, block_rows, "packing: a block of x"),
      y_(budget, block_rows, "packing: a block of y"),
      class_(budget, block_rows, "packing: a block of classes"),
      size_(budget, block_rows, "packing: a block of contour sizes") {}

const h5::File& PackSource::file(std::uint32_t number) {
  const auto found =
      std::ranges::find(open_files_, number, &std::pair<std::uint32_t, h5::File>::first);
  if (found != open_files_.end()) {
    open_files_.splice(open_files_.begin(), open_files_, found);
  } else {
    if (open_files_.size() == kOpenFiles) open_files_.pop_back();
    open_files_.emplace_front(number, h5::File::open(ranges_dir_ / index_.files().at(number)));
  }
  return open_files_.front().second;
}

const SampleBlock& PackSource::window(std::uint64_t entry) {
  if (entry < window_.first || entry >= window_.first + window_.size()) {
    const std::uint64_t first = entry - entry % kIndexBlock;
    window_ = index_.block(first, std::min(kIndexBlock, index_.samples() - first));
  }
  return window_;
}

void PackSource::for_entries(const Axis& axis, std::uint64_t first, std::uint64_t count,
                             const UseEntry& use) {
  if (count == 0) return;
  std::uint64_t entry = index_.entry_of(axis.begin_name, first);
  std::uint64_t row = first;
  while (row < first + count) {
    check(entry < index_.samples(), ErrorCode::kInternal, "packing: row {} of {} is no one's", row,
          axis.begin_name);
    const SampleBlock& block = window(entry);
    const auto i = static_cast<std::size_t>(entry - block.first);
    const std::uint64_t end = std::min((block.*axis.begin)[i + 1], first + count);
    if (row < end) use(block, i, row - first, end - row);
    row = std::max(row, end);
    ++entry;
  }
}

void PackSource::for_pieces(const Axis& axis, std::uint64_t first, std::uint64_t count,
                            const std::function<void(const Piece&)>& use) {
  Piece piece;
  for_entries(
      axis, first, count,
      [&](const SampleBlock& block, std::size_t i, std::uint64_t offset, std::uint64_t rows) {
        const std::uint64_t skipped = first + offset - (block.*axis.begin)[i];
        const std::uint64_t file_row = (block.*axis.file_first)[i] + skipped;
        if (piece.rows > 0 && piece.file == block.file[i] &&
            piece.file_row + piece.rows == file_row) {
          piece.rows += rows;
          return;
        }
        if (piece.rows > 0) use(piece);
        piece = {block.file[i], file_row, rows, offset};
      });
  if (piece.rows > 0) use(piece);
}

void PackSource::points(const std::string& column, std::uint64_t first, std::span<float> out) {
  for_pieces(kPoints, first, out.size(), [&](const Piece& piece) {
    file(piece.file)
        .open_dataset("contours/" + column)
        .read(piece.file_row, out.subspan(piece.offset, piece.rows));
  });
}

void PackSource::tile_features(const std::string& column, std::uint64_t first,
                               std::span<float> out) {
  for (std::size_t i = 0; i < out.size();) {
    const SampleBlock& block = window(first + i);
    const auto begin = static_cast<std::size_t>(first + i - block.first);
    std::size_t end = begin + 1;  // entries in one file, one row after the other
    while (end < block.size() && end - begin < out.size() - i &&
           block.file[end] == block.file[begin] &&
           block.row[end] == block.row[begin] + (end - begin)) {
      ++end;
    }
    file(block.file[begin])
        .open_dataset("features/" + column)
        .read(block.row[begin], out.subspan(i, end - begin));
    i += end - begin;
  }
}

void PackSource::patch_corners(const std::string& axis, std::uint64_t first,
                               std::span<std::int64_t> out) {
  const auto corners = x_.span().first(out.size());
  cells(axis, first, corners);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::llround(corners[i]);
}

void PackSource::cell_samples(std::uint64_t first, std::span<std::uint64_t> out) {
  for_entries(
      kCells, first, out.size(),
      [&](const SampleBlock& block, std::size_t i, std::uint64_t offset, std::uint64_t rows) {
        std::ranges::fill(out.subspan(offset, rows), block.first + i);
      });
}

void PackSource::cell_slides(std::uint64_t first, std::span<std::uint32_t> out) {
  for_entries(
      kCells, first, out.size(),
      [&](const SampleBlock& block, std::size_t i, std::uint64_t offset, std::uint64_t rows) {
        std::ranges::fill(out.subspan(offset, rows), block.slide[i]);
      });
}

void PackSource::cell_uids(std::uint64_t first, std::span<std::uint64_t> out) {
  const auto x = x_.span().first(out.size());
  const auto y = y_.span().first(out.size());
  const auto classes = class_.span().first(out.size());
  cells("x", first, x);
  cells("y", first, y);
  cells("class", first, classes);
  for_entries(
      kCells, first, out.size(),
      [&](const SampleBlock& block, std::size_t i, std::uint64_t offset, std::uint64_t rows) {
        const std::string& id = slide_ids_.at(block.slide[i]);
        for (std::uint64_t k = offset; k < offset + rows; ++k) {
          check(classes[k] < class_names_.size(), ErrorCode::kHdf5,
                "{}: a cell of class {}, but there are {} classes",
                index_.files().at(block.file[i]), static_cast<int>(classes[k]),
                class_names_.size());
          out[k] = cell_uid(id, class_names_[classes[k]], x[k], y[k]);
        }
      });
}

std::uint64_t PackSource::count_points(std::uint64_t begin, std::uint64_t end) {
  std::uint64_t points = 0;
  while (begin < end) {
    const std::uint64_t rows = std::min<std::uint64_t>(end - begin, size_.size());
    const auto sizes = size_.span().first(rows);
    cells("contour_size", begin, sizes);
    points = std::accumulate(sizes.begin(), sizes.end(), points);
    begin += rows;
  }
  return points;
}

void PackSource::contour_begins(std::uint64_t first, std::span<std::uint64_t> out) {
  if (out.empty()) return;
  // The column has one row more than there are cells: the end of the last contour.
  const std::uint64_t n_cells = std::min<std::uint64_t>(out.size(), index_.cells() - first);
  std::uint64_t points = index_.points();
  if (n_cells > 0) {
    const std::uint64_t entry = index_.entry_of(kCells.begin_name, first);
    const SampleBlock& block = window(entry);
    const auto i = static_cast<std::size_t>(entry - block.first);
    const std::uint64_t entry_points = block.point_begin[i];
    points = entry_points + count_points(block.cell_begin[i], first);
  }
  const auto sizes = size_.span().first(n_cells);
  cells("contour_size", first, sizes);
  for (std::size_t i = 0; i < n_cells; ++i) {
    out[i] = points;
    points += sizes[i];
  }
  if (n_cells < out.size()) out[n_cells] = points;
}

}  // namespace tilepool
