#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/memory/buffer.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"
#include "common/model/tile_grid.h"

namespace tilepool {

/// The slide seen at scan resolution (about 8 um/px). Scan pixel (i, j) covers the level-0 square
/// [i*downsample, (i+1)*downsample) x [j*downsample, ...).
struct TissueMap {
  double downsample = 1;  ///< level-0 pixels per scan pixel
  std::int64_t width = 0, height = 0;
  Buffer<std::uint8_t> rgb;        ///< [height][width][3] area-averaged pixels
  Buffer<std::uint8_t> mask;       ///< [height][width] 1 tissue, 0 background
  Buffer<std::uint16_t> variance;  ///< [height][width] block variance; empty unless method variance
};

/// One slide's scan, as committed to scan/. A slide that could not be opened or scanned is
/// committed too, with its reason, so that resuming does not try it again and again.
struct SlideScan {
  std::string slide_id;
  std::string path;
  bool failed = false;
  std::string reason;  ///< one line: why it failed, or why none of its tissue counts; else empty
  std::string notes;   ///< e.g. "mpp from tiff-resolution"; may be empty
  SlideInfo info;
  std::string annotations_print;               ///< of the file of its regions; empty: none was read
  Modality modality = Modality::kBrightfield;  ///< resolved, never kAuto
  TileGrid grid;
  TissueMap tissue;
  std::vector<float> tissue_fraction;  ///< [rows][columns] of the grid, 0..1
};

/// One image of the map compressed as the file holds it, whole chunks in rows; none: no image.
struct PackedImage {
  std::vector<Buffer<std::byte>> chunks;
};
struct PackedImages {
  PackedImage rgb, mask, variance;
};
/// Compresses the images of a scan, which any thread may do. Takes at most packed_images_bytes()
/// from `budget`.
[[nodiscard]] PackedImages pack_images(const TissueMap& map, Budget& budget);
[[nodiscard]] std::size_t packed_images_bytes(std::int64_t width, std::int64_t height,
                                              bool variance);

/// Writes by temporary name, fsync and rename. Independent (one process). `images` are those of
/// scan.tissue.
void write_scan(const std::filesystem::path& file, const SlideScan& scan,
                const PackedImages& images);

/// Which parts to load beside the small attributes and tissue_fraction.
struct ScanParts {
  bool rgb = false;
  bool mask = false;
  bool variance = false;
};
/// Throws Error(kHdf5/kIo) when the file is damaged. Buffers come out of `budget`.
[[nodiscard]] SlideScan read_scan(const std::filesystem::path& file, const ScanParts& parts,
                                  Budget& budget);

}  // namespace tilepool
