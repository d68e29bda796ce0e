#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/file.h"
#include "common/run/atomic_file.h"

namespace tilepool {

/// Where scores come from: the root attributes.
struct ScoresHead {
  std::string job_id, pipeline_id;  ///< of the run
  std::string class_name;
  std::string model_hash, model_pipeline_id;
  double threshold = 0;
};

/// Scores of one slide's cells.
struct SlideScores {
  std::string id;
  std::uint64_t n_cells = 0;  ///< of the class
  std::uint64_t n_yes = 0;
};

/// Writes the scores of a run's cells, docs/format.md, in the order of /cells of its results.h5.
class ScoresWriter {
 public:
  ScoresWriter(const std::filesystem::path& file, const ScoresHead& head, std::uint64_t n_cells);
  /// The next rows; all columns equally long.
  void append(std::span<const std::uint64_t> uid, std::span<const float> score,
              std::span<const std::uint8_t> decision);
  /// The table of slides; then the file stands under its name. All rows must have been written.
  void close(std::span<const SlideScores> slides);

 private:
  AtomicFile place_;  ///< before file_, which must be closed when it is removed
  h5::File file_;
  h5::Dataset uid_, score_, decision_;  ///< of file_: closed before it
  std::uint64_t n_cells_ = 0, written_ = 0;
};

}  // namespace tilepool
