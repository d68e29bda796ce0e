#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/file.h"
#include "common/memory/buffer.h"
#include "common/run/pack_index.h"
#include "common/run/results.h"

namespace tilepool {

/// Gives the columns of the results, any rows of them, from the range files. Reads forward are
/// sequential; a few range files stay open. One thread.
class PackSource {
 public:
  /// `block_rows`: most rows asked for at once.
  PackSource(const PackJob& job, const std::filesystem::path& index_file, std::uint64_t block_rows,
             Budget& budget);

  [[nodiscard]] const PackIndexReader& index() const { return index_; }

  /// Rows [first, first + out.size()) of a column that the range files hold.
  template <h5::Element T>
  void cells(const std::string& column, std::uint64_t first, std::span<T> out) {
    const auto read = [&](const Piece& piece) {
      file(piece.file)
          .open_dataset("cells/" + column)
          .read(piece.file_row, out.subspan(piece.offset, piece.rows));
    };
    for_cells(first, out.size(), read);
  }
  void points(const std::string& column, std::uint64_t first, std::span<float> out);
  void tile_features(const std::string& column, std::uint64_t first, std::span<float> out);

  /// Of patches: "x" or "y".
  void patch_corners(const std::string& axis, std::uint64_t first, std::span<std::int64_t> out);
  /// Derived columns of /cells.
  void cell_samples(std::uint64_t first, std::span<std::uint64_t> out);
  void cell_slides(std::uint64_t first, std::span<std::uint32_t> out);
  void cell_uids(std::uint64_t first, std::span<std::uint64_t> out);
  /// /cells/contour_begin, rows 0..n_cells.
  void contour_begins(std::uint64_t first, std::span<std::uint64_t> out);

 private:
  /// Consecutive rows that lie one after the other in one range file.
  struct Piece {
    std::uint32_t file = 0;
    std::uint64_t file_row = 0;  ///< first row in the file
    std::uint64_t rows = 0;
    std::uint64_t offset = 0;  ///< of the first row, from the first row asked for
  };
  using Begin = std::vector<std::uint64_t> SampleBlock::*;
  /// One kind of rows: cells or contour points.
  struct Axis {
    const char* begin_name;
    Begin begin, file_first;
  };
  static constexpr Axis kCells{"cell_begin", &SampleBlock::cell_begin, &SampleBlock::cell_first};
  static constexpr Axis kPoints{"point_begin", &SampleBlock::point_begin,
                                &SampleBlock::point_first};

  void for_cells(std::uint64_t first, std::uint64_t count,
                 const std::function<void(const Piece&)>& use) {
    for_pieces(kCells, first, count, use);
  }
  void for_pieces(const Axis& axis, std::uint64_t first, std::uint64_t count,
                  const std::function<void(const Piece&)>& use);
  /// Calls use(block, i, offset, rows) for every sample entry that holds some of the rows.
  using UseEntry = std::function<void(const SampleBlock&, std::size_t, std::uint64_t offset,
                                      std::uint64_t rows)>;
  void for_entries(const Axis& axis, std::uint64_t first, std::uint64_t count, const UseEntry& use);
  const SampleBlock& window(std::uint64_t entry);
  const h5::File& file(std::uint32_t number);
  /// Contour points of the cells [begin, end).
  [[nodiscard]] std::uint64_t count_points(std::uint64_t begin, std::uint64_t end);

  std::filesystem::path ranges_dir_;
  PackIndexReader index_;
  std::vector<std::string> slide_ids_;
  std::vector<std::string> class_names_;
  SampleBlock window_;
  std::list<std::pair<std::uint32_t, h5::File>> open_files_;
  Buffer<double> x_, y_;
  Buffer<std::uint8_t> class_;
  Buffer<std::uint32_t> size_;
};

}  // namespace tilepool
