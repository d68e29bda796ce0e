#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// Which strip of which slide: a strip of another slide, or of another cut of it, is another strip.
struct StripId {
  std::string fingerprint;  ///< of the slide
  std::int64_t index = 0;
  std::int64_t count = 1;  ///< strips that the slide is cut into
  friend bool operator==(const StripId&, const StripId&) = default;
};

/// Parts of a strip that could not be read, in scan pixels from its corner, and why the first.
struct StripDamage {
  std::vector<Rect> parts;
  std::string reason;
};

/// Commits a strip of a slide's scan image (rows without gaps, stride 3 * width). Touches no HDF5,
/// so any thread may. Throws Error(kIo).
void write_strip(const std::filesystem::path& file, const StripId& id, const StripDamage& damage,
                 ConstRgbView pixels);

/// Commits that the strip cannot be read at all: its worker died or failed too often.
void write_given_up_strip(const std::filesystem::path& file, const StripId& id,
                          const std::string& reason);

/// Reads the pixels of strip `id` into `out` (rows without gaps); one that was given up is white
/// and one damaged part. Any thread. Nothing, and `out` undefined, when the file is missing,
/// damaged, of another size or another strip.
[[nodiscard]] std::optional<StripDamage> read_strip(const std::filesystem::path& file,
                                                    const StripId& id, RgbView out);

/// Removes every strip in `scan_dir`: once all slides are scanned they are of no use.
void remove_strips(const std::filesystem::path& scan_dir);

}  // namespace tilepool
