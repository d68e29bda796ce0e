#pragma once

#include <limits>
#include <optional>
#include <string>

namespace tilepool {

/// Plausible micrometres per level-0 pixel: from 120x oil immersion to a 1.25x overview.
inline constexpr double kMinMpp = 0.05;
inline constexpr double kMaxMpp = 20.0;

/// What a slide file says about its pixel size, as text; nullopt where it is silent.
struct MppTags {
  std::optional<std::string> openslide_x, openslide_y;    ///< openslide.mpp-x / -y, um per pixel
  std::optional<std::string> resolution_x, resolution_y;  ///< tiff.XResolution / YResolution
  std::optional<std::string> resolution_unit;             ///< "inch", "centimeter" or "none"
};

struct Mpp {
  double x = std::numeric_limits<double>::quiet_NaN();
  double y = std::numeric_limits<double>::quiet_NaN();
  std::string source;   ///< "config", "openslide", "tiff-resolution"; "" unknown
  std::string problem;  ///< one line, set exactly when x and y are NaN
};

/// The pixel size of a slide: `configured` wins, then OpenSlide's properties, then the TIFF
/// resolution (pixels per unit: centimetre 10000 um, inch 25400 um). The first that speaks decides;
/// when it is implausible the size stays unknown, since a later source is no better.
/// Throws Error(kSlide) when `configured` itself is outside kMinMpp..kMaxMpp.
[[nodiscard]] Mpp resolve_mpp(std::optional<double> configured, const MppTags& tags);

}  // namespace tilepool
