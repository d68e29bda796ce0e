#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/file.h"
#include "common/model/result.h"

namespace tilepool {

/// A row of /slides.
struct ResultsSlide {
  std::string id, path, group, vendor;
  std::string status;  ///< success, skipped or failed
  std::string reason, fingerprint;
  std::int64_t width = 0, height = 0;  ///< level 0, px
  double mpp_x = 0, mpp_y = 0;         ///< NaN: unknown
  std::int64_t core_px = 0;            ///< edge of a tile's core, level-0 px
  std::int64_t n_pool = 0, n_sample = 0, n_cells = 0, n_patches = 0;
  /// Its rows of the tables.
  std::uint64_t pool_first = 0, sample_first = 0, cell_first = 0, patch_first = 0;
};

/// The attributes of /patches: lengths in analysis pixels.
struct ResultsPatches {
  std::int64_t size_px = 0, stride_px = 0;
  std::int64_t level = 0;    ///< analysis pixels are this pyramid level's; 0: level 0, or resampled
  std::int64_t tile_px = 0;  ///< edge of a tile's core, ResultsSlide::core_px on level 0

  /// Level-0 px per analysis px.
  [[nodiscard]] double scale(const ResultsSlide& slide) const {
    return static_cast<double>(slide.core_px) / static_cast<double>(tile_px);
  }
};

/// A complete results.h5: small tables whole, large columns by pieces, so that memory does not grow
/// with cells. docs/format.md has the columns. Throws Error(kHdf5) for what is damaged.
class ResultsReader {
 public:
  /// Throws Error(kNoInput) when there is no file or it is not complete.
  explicit ResultsReader(const std::filesystem::path& file);

  [[nodiscard]] const std::string& job_id() const { return job_id_; }
  [[nodiscard]] const std::string& pipeline_id() const { return pipeline_id_; }
  /// JSON of the keys that can change results.
  [[nodiscard]] const std::string& config() const { return config_; }
  /// By id; a slide's rows of /pool, /sample and /cells lie together and in this order.
  [[nodiscard]] const std::vector<ResultsSlide>& slides() const { return slides_; }
  [[nodiscard]] const std::vector<std::string>& classes() const { return classes_; }
  [[nodiscard]] bool has_cells() const { return has_cells_; }
  [[nodiscard]] bool has_patches() const { return patches_.size_px > 0; }
  /// Whether /patches/pixels is there.
  [[nodiscard]] bool has_pixels() const { return has_patches() && file_.exists("patches/pixels"); }
  /// How patches were cut; all 0 where there are none.
  [[nodiscard]] const ResultsPatches& patches() const { return patches_; }
  /// Whether /cells has the columns of classifiers, score and decision (common/run/cell_scores.h).
  [[nodiscard]] bool has_scores() const { return has_scores_; }
  [[nodiscard]] std::uint64_t n_cells() const { return n_cells_; }
  [[nodiscard]] std::uint64_t n_sample() const { return n_sample_; }
  [[nodiscard]] std::uint64_t n_pool() const { return n_pool_; }
  /// The float columns of /cells, by name; features of tiles: those of /features.
  [[nodiscard]] const std::vector<FeatureSpec>& cell_features() const { return cell_features_; }
  [[nodiscard]] const std::vector<FeatureSpec>& tile_features() const { return tile_features_; }

  /// A column such as "cells/x", for who reads it piece after piece.
  [[nodiscard]] h5::Dataset column(const std::string& name) const {
    return file_.open_dataset(name);
  }
  /// Rows [first, first + out.size()) of a column.
  template <h5::Element T>
  void read(const std::string& column, std::uint64_t first, std::span<T> out) const {
    if (!out.empty()) file_.open_dataset(column).read(first, out);
  }
  template <h5::Element T>
  [[nodiscard]] std::vector<T> rows(const std::string& column, std::uint64_t first,
                                    std::uint64_t count) const {
    std::vector<T> values(count);
    read(column, first, std::span<T>(values));
    return values;
  }

 private:
  void read_slides();
  [[nodiscard]] std::vector<FeatureSpec> features_in(const std::string& group) const;
  [[nodiscard]] std::uint64_t count(const std::string& column) const;

  h5::File file_;
  std::string job_id_, pipeline_id_, config_;
  std::vector<ResultsSlide> slides_;
  std::vector<std::string> classes_;
  std::vector<FeatureSpec> cell_features_, tile_features_;
  bool has_cells_ = false;
  ResultsPatches patches_;
  bool has_scores_ = false;
  std::uint64_t n_cells_ = 0, n_sample_ = 0, n_pool_ = 0;
};

}  // namespace tilepool
