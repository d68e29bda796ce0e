#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/model/slide_info.h"

namespace tilepool {

/// One row of /slides. Rows are ordered by id, bytewise.
struct PlanSlide {
  std::string id, path, group, vendor;
  std::string status;  ///< "success" (so far), "skipped" or "failed"
  std::string reason;  ///< one line unless success
  std::int64_t width = 0, height = 0;
  double mpp_x = 0, mpp_y = 0;  ///< NaN unknown
  std::int64_t n_grid = 0, n_pool = 0, n_sample = 0;
  std::int64_t core_px = 0;   ///< core edge in level-0 pixels (tiles.mpp resamples)
  std::uint8_t modality = 0;  ///< Modality, resolved
  std::string fingerprint;
  std::string reader;  ///< SlideInfo::reader; empty in plans of before it was kept
};

/// One row of /pool. Rows are ordered by (slide id bytewise, y, x).
struct PoolTile {
  std::uint32_t slide = 0;    ///< index into /slides
  std::int64_t x = 0, y = 0;  ///< core corner, level-0 px
  std::int32_t w = 0, h = 0;  ///< core size, level-0 px
  float tissue_fraction = 0;
  std::uint64_t key = 0;
};

/// Identity of a plan: what must agree for a run to be resumed or grown.
struct PlanHead {
  std::uint32_t generation = 0;  ///< 0 for the first plan, +1 each time the sample grew
  std::uint64_t seed = 0;
  std::string job_id, pipeline_id;
  double variance_threshold = 0;  ///< cohort-wide, tissue method variance only
  std::string config;             ///< JSON text of the resolved keys that can change results
};

/// Writes plan.h5 as a stream, so that the pool is never held as a whole: pool rows in order, then
/// the slides (which know their share of the sample), then the sample; commit() fsyncs and renames
/// into place. One process, one thread.
class PlanWriter {
 public:
  PlanWriter(std::filesystem::path final_path, const PlanHead& head);
  ~PlanWriter();  ///< without commit() the temporary file is removed
  void write_slides(std::span<const PlanSlide> slides);
  void append_pool(std::span<const PoolTile> tiles);
  /// `pool_index` ascending; `carried[i]` is 1 when the tile was committed by an earlier
  /// generation.
  void write_sample(std::span<const std::uint64_t> pool_index,
                    std::span<const std::uint8_t> carried);
  void commit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads plan.h5 by pieces; the file is immutable once it stands under its name.
class PlanReader {
 public:
  explicit PlanReader(const std::filesystem::path& file);
  ~PlanReader();
  [[nodiscard]] const PlanHead& head() const;
  [[nodiscard]] std::uint64_t pool_size() const;
  [[nodiscard]] std::uint64_t sample_size() const;
  [[nodiscard]] std::vector<PlanSlide> slides() const;
  /// Pool rows [first, first + count).
  [[nodiscard]] std::vector<PoolTile> pool(std::uint64_t first, std::uint64_t count) const;
  /// Sample entries [first, first + count): indices into /pool.
  [[nodiscard]] std::vector<std::uint64_t> sample(std::uint64_t first, std::uint64_t count) const;
  [[nodiscard]] std::vector<std::uint8_t> carried(std::uint64_t first, std::uint64_t count) const;
  /// The pool rows that sample entries [first, first+count) point to, in order.
  [[nodiscard]] std::vector<PoolTile> sample_tiles(std::uint64_t first, std::uint64_t count) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tilepool
