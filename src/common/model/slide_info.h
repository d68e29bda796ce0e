#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace tilepool {

struct LevelInfo {
  std::int64_t width = 0;
  std::int64_t height = 0;
  double downsample = 1;
};

/// What is known of a slide once it has been opened.
struct SlideInfo {
  std::string vendor;  ///< OpenSlide's vendor, e.g. "aperio", "generic-tiff"
  /// Which source reads it and why: "direct", "openslide", with a reason in parentheses. Only this
  /// differs between sources.
  std::string reader;
  std::int64_t width = 0, height = 0;                       ///< level 0, pixels
  std::vector<LevelInfo> levels;                            ///< level 0 first
  double mpp_x = std::numeric_limits<double>::quiet_NaN();  ///< um per level-0 pixel, NaN unknown
  double mpp_y = std::numeric_limits<double>::quiet_NaN();
  std::string mpp_source;  ///< "config", "openslide", "tiff-resolution", "" unknown
  /// Why mpp is unknown, in one line that says the way out; empty when it is known. A task that
  /// needs micrometres fails the slide with this text.
  std::string mpp_problem;
  /// Where the slide's centre lies from that of the scanned image, nm, right and down (Hamamatsu's
  /// XOffsetFromSlideCentre and YOffsetFromSlideCentre); NaN: the slide does not tell.
  double centre_offset_x_nm = std::numeric_limits<double>::quiet_NaN();
  double centre_offset_y_nm = std::numeric_limits<double>::quiet_NaN();
  std::string fingerprint;  ///< hex; changes when the file's content changes (size + sampled bytes)

  [[nodiscard]] double mpp() const { return (mpp_x + mpp_y) / 2; }
};

}  // namespace tilepool
