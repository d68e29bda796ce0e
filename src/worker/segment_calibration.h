#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/image_view.h"
#include "common/kernels/gaussian.h"
#include "common/kernels/stain.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"

namespace tilepool {

/// All that segmentation fixes once per slide, so that a cell does not depend on its tile.
struct SegmentCalibration {
  bool fluorescence = false;                  ///< nuclei are bright on a dark background
  StainVector stain1 = kRuifrokHaematoxylin;  ///< the nuclear stain, unit optical densities
  StainVector stain2 = kRuifrokEosin;
  double reference1 = 1.0;  ///< 99th percentile of each stain's concentration, > 0
  double reference2 = 1.0;
  std::int32_t threshold = kPlaneReference / 2;  ///< Otsu of the smoothed nuclear plane, 0..4095
  double tissue_grey = 128;  ///< mean grey of stained pixels (fluorescence: of all), > 0

  /// name -> value, fixed order; from_values(to_values()) is exact.
  [[nodiscard]] std::vector<std::pair<std::string, double>> to_values() const;
  /// Throws Error(kInternal) when a name is missing.
  [[nodiscard]] static SegmentCalibration from_values(
      const std::vector<std::pair<std::string, double>>& values);
  friend bool operator==(const SegmentCalibration&, const SegmentCalibration&) = default;
};

/// Derives a SegmentCalibration from patches of one slide, fed one after the other. Keeps two
/// colour histograms (2 x 2 MiB) and nothing of the patches; the result depends on the multiset of
/// patches only. One thread.
///
/// Stain vectors: Macenko et al., ISBI 2009, alpha 1, on pixels with every channel's optical
/// density above beta; or Ruifrok's fixed ones.
class SegmentCalibrator {
 public:
  /// `modality` is resolved, never kAuto; `mpp` in um per analysis pixel, > 0.
  SegmentCalibrator(const SegmentOptions& options, Modality modality, double mpp);

  /// A patch of RGB at analysis resolution; `scratch` holds at least scratch_bytes().
  void add(ConstRgbView patch, Arena& scratch);
  /// For patches of at most width x height.
  [[nodiscard]] std::size_t scratch_bytes(std::int64_t width, std::int64_t height) const;

  /// Never NaN: what cannot be estimated falls back to Ruifrok's H&E and `note` says why.
  [[nodiscard]] SegmentCalibration finish(std::string& note) const;

 private:
  SegmentOptions options_;
  bool fluorescence_;
  SmoothingKernel kernel_;
  std::vector<std::uint64_t> raw_;       ///< pixels by colour, 6 bits a channel
  std::vector<std::uint64_t> smoothed_;  ///< the same after smoothing as the task smooths
};

}  // namespace tilepool
