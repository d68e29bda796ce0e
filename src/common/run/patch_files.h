#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/image_view.h"
#include "common/model/options.h"
#include "common/run/layout.h"

namespace tilepool {

/// Rows of a slide's file of raw patches (common/run/patch_slots.h).
struct RawRows {
  std::uint64_t first = 0;  ///< of the tile
  std::uint64_t count = 0;  ///< of the tile
  std::uint64_t total = 0;  ///< of the slide
};

/// The header of a .npy file of uint8 [rows, size, size, 3], kNpyHeaderBytes long.
[[nodiscard]] std::string npy_header(std::uint64_t rows, std::int64_t size);
inline constexpr std::size_t kNpyHeaderBytes = 4096;

/// The pixels of the patches of one tile, on their way to files: rows of the slide's raw file, from
/// which packing makes .npy files or /patches/pixels; or an image a patch. A tile that is computed
/// twice gives the same bytes at the same places.
class PatchFileWriter {
 public:
  /// `rows` where keeps_raw_patches().
  PatchFileWriter(const RunLayout& layout, const std::string& slide_id, const PatchOptions& options,
                  std::optional<RawRows> rows);
  ~PatchFileWriter();
  PatchFileWriter(const PatchFileWriter&) = delete;
  PatchFileWriter& operator=(const PatchFileWriter&) = delete;

  /// The next patch, whose corner is at level-0 (x0, y0). Throws Error(kIo).
  void add(ConstRgbView patch, std::int64_t x0, std::int64_t y0);
  /// Makes durable what was written. Throws Error(kIo).
  void finish();

 private:
  void add_raw(ConstRgbView patch);
  void open_raw(std::int64_t size);

  PatchPixels pixels_;
  int quality_;
  std::filesystem::path folder_;  ///< of images
  std::filesystem::path raw_;
  std::optional<RawRows> rows_;
  int descriptor_ = -1;
  std::uint64_t n_ = 0;  ///< patches added
  std::vector<std::uint8_t> bytes_;
};

/// Whether packing has the raw files of tiles to read.
[[nodiscard]] constexpr bool keeps_raw_patches(PatchPixels pixels) {
  return pixels == PatchPixels::kNpy || pixels == PatchPixels::kResults;
}

}  // namespace tilepool
