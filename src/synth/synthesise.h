#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "synth/scene.h"

namespace tilepool {

/// What is truly on a synthetic slide. Scene tells where tissue is.
struct SynthTruth {
  std::vector<SynthCell> cells;  ///< all whose centres lie on the slide
};

/// Writes a tiled, pyramidal TIFF that looks like H&E: bright noisy glass, pieces of pink tissue
/// with an irregular outline, purple elliptic nuclei (neighbours touch at times), on demand
/// megakaryocytes. OpenSlide opens it as generic-tiff and finds the mpp in its resolution tags.
/// Made tile by tile: memory is 6 * width * tile_px bytes, whatever the height. The bytes depend on
/// the options alone, not on threads or time. Written under a temporary name and renamed.
/// Throws Error(kUsage) for options out of range, Error(kIo).
void synthesise_slide(const std::filesystem::path& path, const SynthOptions& options,
                      SynthTruth* truth = nullptr);

/// CSV: kind (nucleus | megakaryocyte), x, y, semi_major, semi_minor (level-0 px), angle (degrees
/// from the x axis towards y).
void write_truth_csv(const std::filesystem::path& path, const SynthTruth& truth);

/// Slides synth-001.tif ... of size_px x size_px at 0.25 um/px, each with synth-001.truth.csv,
/// seeds `seed`, `seed` + 1, ...; every third has megakaryocytes. Returns the slides' paths. Slides
/// that are there already are made again: the same bytes.
std::vector<std::filesystem::path> synthesise_cohort(const std::filesystem::path& folder,
                                                     int n_slides, std::int64_t size_px,
                                                     std::uint32_t seed, int threads = 1);

}  // namespace tilepool
