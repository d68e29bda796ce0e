#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/hdf5/file.h"

namespace tilepool {

/// The pack index: for every sample entry the range file and row that answer for it, and where its
/// cells and contour points begin, there and in the results. An HDF5 file of plain columns:
///   attrs   format, version, job_id; samples, missing, failed, cells, points u64
///   /files/name        names of the range files, relative to ranges/
///   /sample/...        SampleRow's members, one column each; missing entries have status 0
///   /sample/cell_begin, point_begin u64 [n+1]: offsets in the results
///   /failures/sample u64, slide u32, reason text [kReasonBytes]: the failed entries, in order
inline constexpr char kIndexFormat[] = "tilepool-pack-index";
inline constexpr std::uint32_t kIndexVersion = 1;

/// Bytes of a failure's reason in the index and in results.h5. Fixed, so that the file does not
/// depend on which reasons come up; longer ones are cut at a character's border.
inline constexpr std::size_t kReasonBytes = 256;

/// Entries read or written at a time.
inline constexpr std::uint64_t kIndexBlock = 16384;

/// A block of consecutive sample entries [first, first + size()).
struct SampleBlock {
  std::uint64_t first = 0;
  std::vector<std::uint32_t> slide;  ///< index into /slides
  std::vector<std::uint32_t> file;   ///< index into /files
  std::vector<std::uint32_t> row;    ///< row of that file's /tiles
  std::vector<std::uint8_t> status;  ///< TileStatus
  std::vector<std::uint32_t> n_cells;
  std::vector<std::uint64_t> n_points;
  std::vector<std::uint64_t> cell_first, point_first;  ///< rows in that file's /cells, /contours
  std::vector<float> seconds;
  std::vector<std::uint64_t> cell_begin, point_begin;  ///< rows in the results, [size() + 1]

  [[nodiscard]] std::uint64_t size() const { return slide.size(); }
};

/// A block of consecutive failures.
struct FailureBlock {
  std::vector<std::uint64_t> sample;
  std::vector<std::uint32_t> slide;
  std::vector<std::string> reason;
};

/// Reads a pack index by pieces.
class PackIndexReader {
 public:
  explicit PackIndexReader(const std::filesystem::path& path);
  [[nodiscard]] std::uint64_t samples() const { return samples_; }
  [[nodiscard]] std::uint64_t cells() const { return cells_; }
  [[nodiscard]] std::uint64_t points() const { return points_; }
  [[nodiscard]] std::uint64_t missing() const { return missing_; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }
  [[nodiscard]] const std::string& job_id() const { return job_id_; }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

  [[nodiscard]] SampleBlock block(std::uint64_t first, std::uint64_t count) const;
  [[nodiscard]] FailureBlock failure_block(std::uint64_t first, std::uint64_t count) const;
  /// One column of /sample, whole entries [first, first + out.size()).
  template <h5::Element T>
  void read(const std::string& column, std::uint64_t first, std::span<T> out) const {
    file_.open_dataset("sample/" + column).read(first, out);
  }
  /// The entry that holds row `row` of the cells (or points) of the results: the last one whose
  /// `begin` is <= row.
  [[nodiscard]] std::uint64_t entry_of(const std::string& begin, std::uint64_t row) const;

 private:
  h5::File file_;
  std::string job_id_;
  std::vector<std::string> files_;
  std::uint64_t samples_ = 0, cells_ = 0, points_ = 0, missing_ = 0, failures_ = 0;
};

}  // namespace tilepool
