#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "common/kernels/segment_plan.h"

namespace tilepool::testing {

/// RGB of violet discs of 3 to 9 px on pink, some of them touching, with noise; `nuclei` of them.
inline std::vector<std::uint8_t> draw_tile(std::int64_t width, std::int64_t height,
                                           std::int64_t nuclei) {
  std::mt19937 random(20261121);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * width * height));
  std::uniform_int_distribution<int> noise(0, 15);
  for (std::size_t i = 0; i < rgb.size(); ++i)
    rgb[i] = static_cast<std::uint8_t>((i % 3 == 1 ? 165 : 210) + noise(random));
  std::uniform_int_distribution<std::int64_t> place_x(0, width - 1);
  std::uniform_int_distribution<std::int64_t> place_y(0, height - 1);
  for (std::int64_t n = 0; n < nuclei; ++n) {
    const std::int64_t cx = place_x(random);
    const std::int64_t cy = place_y(random);
    const std::int64_t r = 3 + n % 7;
    for (std::int64_t y = std::max<std::int64_t>(cy - r, 0); y <= std::min(cy + r, height - 1); ++y)
      for (std::int64_t x = std::max<std::int64_t>(cx - r, 0); x <= std::min(cx + r, width - 1);
           ++x) {
        if ((x - cx) * (x - cx) + (y - cy) * (y - cy) > r * r) continue;
        for (std::int64_t c = 0; c < 3; ++c)
          rgb[static_cast<std::size_t>(3 * (y * width + x) + c)] =
              static_cast<std::uint8_t>((c == 2 ? 140 : 70) + noise(random));
      }
  }
  return rgb;
}

/// How to find them: plain choices for 0.5 um per pixel.
inline SegmentPlan plan_of_drawn_tile() {
  SegmentPlan plan;
  plan.stain1 = make_unmix_table(unmixing_weights(kRuifrokHaematoxylin, kRuifrokEosin), 0.8);
  plan.stain2 = make_unmix_table(unmixing_weights(kRuifrokEosin, kRuifrokHaematoxylin), 0.8);
  plan.stained_limit = 220;
  plan.smoothing = gaussian_kernel(1.5);
  plan.threshold = {700, 128, 20};
  plan.max_hole_px = 50;
  plan.opening = make_disk(2);
  plan.contrast_gain_256 = 16;
  plan.split_smoothing = gaussian_kernel(1.2);
  plan.merge = {12, 36, 0.95};
  plan.trim = make_disk(1.5);
  plan.grow = make_disk(1.5);
  plan.dark_limit = 20000;
  return plan;
}

}  // namespace tilepool::testing
