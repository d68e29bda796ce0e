#pragma once

#include <memory>
#include <vector>

#include "common/base/image_view.h"
#include "synth/scene.h"

namespace tilepool {

/// Paints parts of a scene as an H&E-stained slide in bright field. Holds planes of noise for one
/// part, so one painter serves one thread. A pixel's value depends on its place alone.
class Painter {
 public:
  /// Parts are at most `edge_px` x `edge_px`.
  Painter(const Scene& scene, std::int64_t edge_px);

  /// Paints [x, x + out.width) x [y, ...); x and y multiples of 64.
  void paint(std::int64_t x, std::int64_t y, RgbView out);

 private:
  void add_noise(std::int64_t x, std::int64_t y, RgbView out, int cell_x, int cell_y, int weight);
  void paint_ground(std::int64_t x, std::int64_t y, RgbView out);
  void mark_tissue(std::int64_t x, std::int64_t y, RgbView out);
  void paint_nucleus(const SynthCell& cell, std::int64_t x, std::int64_t y, RgbView out);
  void paint_megakaryocyte(const SynthCell& cell, std::int64_t x, std::int64_t y, RgbView out);

  const Scene& scene_;
  std::int64_t edge_px_;
  std::vector<std::int16_t> texture_;  ///< [y][x] of the part, sum of noises
  std::vector<std::uint8_t> tissue_;   ///< [y][x] 1 tissue
  bool any_tissue_ = false;
};

}  // namespace tilepool
