#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/model/tile_grid.h"

namespace tilepool {

/// What calibration fixed for one slide: named numbers (stain vectors, thresholds, scalings) and
/// the patches they came from. Values survive the round trip through JSON and HDF5 exactly.
struct SlideCalibration {
  std::string slide_id;
  std::vector<std::pair<std::string, double>> values;  ///< name -> value, fixed order
  std::vector<Rect> patches;                           ///< level-0 px, in the order they were used
  std::string note;  ///< e.g. "fallback to Ruifrok H&E: 312 stained pixels"; may be empty
};

/// Whether its stains should have been normalised and could not be; the note says why.
[[nodiscard]] bool stains_left(const SlideCalibration& slide);

/// One slide's calibration as committed by a worker (JSON, temporary name + fsync + rename).
void write_slide_calibration(const std::filesystem::path& file, const SlideCalibration&);
[[nodiscard]] SlideCalibration read_slide_calibration(const std::filesystem::path& file);

/// calibration.h5: /slides/id, /values/<name> f64 [n_slides] (NaN where a slide has none),
/// /patches/{slide u32, x, y, w, h i64}, /slides/note. `cohort` are values shared by all slides
/// (attributes of the root group). Committed atomically.
void write_calibration(const std::filesystem::path& file,
                       const std::vector<SlideCalibration>& slides,
                       const std::vector<std::pair<std::string, double>>& cohort);
[[nodiscard]] std::vector<SlideCalibration> read_calibration(const std::filesystem::path& file);
[[nodiscard]] std::vector<std::pair<std::string, double>> read_cohort_calibration(
    const std::filesystem::path& file);

}  // namespace tilepool
