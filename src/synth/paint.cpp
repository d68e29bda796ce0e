#include "synth/paint.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "synth/hash_noise.h"

namespace tilepool {
namespace {

using Colour = std::array<int, 3>;
constexpr Colour kGlass{243, 242, 244};
constexpr Colour kStroma{221, 164, 196};
constexpr Colour kNucleus{96, 62, 142};
constexpr Colour kCytoplasm{206, 148, 192};
constexpr int kGlassGrain = 5;  // peak to peak
constexpr int kTissueGrain = 14;
constexpr std::uint32_t kGrainSalt = 0x81;
constexpr std::uint32_t kTextureSalt = 0x91;
constexpr int kFixed = 256;  // of opacities

std::uint8_t clamped(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// pixel += (colour - pixel) * opacity / 256.
void blend(std::uint8_t* pixel, const Colour& colour, int shade, int opacity) {
  for (std::size_t c = 0; c < 3; ++c) {
    const int target = colour[c] + shade;
    pixel[c] = clamped(pixel[c] + (target - pixel[c]) * opacity / kFixed);
  }
}

/// The part of an ellipse's bounding square that lies on the painted part.
struct Box {
  std::int64_t x0, y0, x1, y1;
};
Box box_of(double x, double y, double radius, const Rect& part) {
  const auto low = [radius](double at) {
    return static_cast<std::int64_t>(std::floor(at - radius));
  };
  return {std::max(low(x), part.x), std::max(low(y), part.y),
          std::min(low(x + 2 * radius) + 2, part.x + part.w),
          std::min(low(y + 2 * radius) + 2, part.y + part.h)};
}

/// Opacity from the squared elliptic distance: full inside, fading over the outermost `rim`.
int opacity_of(double q, double rim, int full) {
  if (q >= 1) return 0;
  return q <= 1 - rim ? full : static_cast<int>(full * (1 - q) / rim);
}

}  // namespace

Painter::Painter(const Scene& scene, std::int64_t edge_px)
    : scene_(scene),
      edge_px_(edge_px),
      texture_(static_cast<std::size_t>(edge_px * edge_px)),
      tissue_(static_cast<std::size_t>(edge_px * edge_px)) {}

void Painter::paint(std::int64_t x, std::int64_t y, RgbView out) {
  mark_tissue(x, y, out);
  if (any_tissue_) {
    std::fill(texture_.begin(), texture_.end(), std::int16_t{0});
    add_noise(x, y, out, 64, 64, 22);
    add_noise(x, y, out, 16, 4, 26);
    add_noise(x, y, out, 8, 8, 12);
  }
  paint_ground(x, y, out);
  if (!any_tissue_) return;
  for (const SynthCell& cell : scene_.cells_near({x, y, out.width, out.height})) {
    if (cell.kind == SynthKind::kNucleus) {
      paint_nucleus(cell, x, y, out);
    } else {
      paint_megakaryocyte(cell, x, y, out);
    }
  }
}

void Painter::mark_tissue(std::int64_t x, std::int64_t y, RgbView out) {
  constexpr std::int64_t kStep = Scene::kStep;
  any_tissue_ = false;
  const std::int64_t columns = (out.width + kStep - 1) / kStep;
  std::vector<double> above(static_cast<std::size_t>(columns) + 1);
  std::vector<double> below(above.size());
  const auto fill_row = [&](std::vector<double>& row, std::int64_t j) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = scene_.field_at(x / kStep + static_cast<std::int64_t>(i), y / kStep + j);
    }
  };
  fill_row(above, 0);
  for (std::int64_t j = 0; j * kStep < out.height; ++j, above.swap(below)) {
    fill_row(below, j + 1);
    for (std::int64_t i = 0; i < columns; ++i) {
      const auto c = static_cast<std::size_t>(i);
      const std::array<double, 4> corners{above[c], above[c + 1], below[c], below[c + 1]};
      const bool all = *std::min_element(corners.begin(), corners.end()) > 0;
      const bool none = *std::max_element(corners.begin(), corners.end()) <= 0;
      any_tissue_ = any_tissue_ || !none;
      for (std::int64_t v = 0; v < std::min(kStep, out.height - j * kStep); ++v) {
        for (std::int64_t u = 0; u < std::min(kStep, out.width - i * kStep); ++u) {
          const double s = static_cast<double>(u) / kStep;
          const double t = static_cast<double>(v) / kStep;
          const bool inside = all || (!none && (corners[0] * (1 - s) + corners[1] * s) * (1 - t) +
                                                       (corners[2] * (1 - s) + corners[3] * s) * t >
                                                   0);
          tissue_[static_cast<std::size_t>((j * kStep + v) * edge_px_ + i * kStep + u)] = inside;
        }
      }
    }
  }
}

/// texture += value noise of cells cell_x x cell_y (powers of 2, at most 64), -weight/2..weight/2.
void Painter::add_noise(std::int64_t x, std::int64_t y, RgbView out, int cell_x, int cell_y,
                        int weight) {
  const std::uint32_t seed =
      scene_.options().seed + kTextureSalt + static_cast<std::uint32_t>(cell_x);
  const int shift = 8 + std::countr_zero(static_cast<unsigned>(cell_x * cell_y));
  const auto value = [&](std::int64_t i, std::int64_t j) {
    return static_cast<int>(hash_at(seed, i, j) >> 24) * weight - 128 * weight;
  };
  for (std::int64_t v = 0; v < out.height; ++v) {
    const std::int64_t j = (y + v) / cell_y;
    const int t = static_cast<int>((y + v) % cell_y);
    std::int16_t* row = texture_.data() + v * edge_px_;
    for (std::int64_t u = 0; u < out.width; u += cell_x) {
      const std::int64_t i = (x + u) / cell_x;
      const int left = value(i, j) * (cell_y - t) + value(i, j + 1) * t;
      const int right = value(i + 1, j) * (cell_y - t) + value(i + 1, j + 1) * t;
      const int step = right - left;
      int sum = left * cell_x;
      const std::int64_t end = std::min<std::int64_t>(u + cell_x, out.width);
      for (std::int64_t w = u; w < end; ++w, sum += step) {
        row[w] = static_cast<std::int16_t>(row[w] + (sum >> shift));
      }
    }
  }
}

void Painter::paint_ground(std::int64_t x, std::int64_t y, RgbView out) {
  const std::uint32_t seed = scene_.options().seed + kGrainSalt;
  for (std::int64_t v = 0; v < out.height; ++v) {
    std::uint8_t* pixel = out.row(v);
    const std::int16_t* texture = texture_.data() + v * edge_px_;
    const std::uint8_t* tissue = tissue_.data() + v * edge_px_;
    const std::uint32_t row = mix_bits(seed + static_cast<std::uint32_t>(y + v) * 0x85EBCA77U);
    for (std::int64_t u = 0; u < out.width; ++u, pixel += 3) {
      std::uint32_t noise = (row ^ static_cast<std::uint32_t>(x + u)) * 0x9E3779B1U;
      noise = (noise ^ (noise >> 15)) * 0x846ca68bU;
      const int grain = static_cast<int>(noise >> 24);
      if (tissue[u] != 0) {
        const int shade = texture[u] + (grain * kTissueGrain >> 8) - kTissueGrain / 2;
        pixel[0] = clamped(kStroma[0] + shade / 2);
        pixel[1] = clamped(kStroma[1] + shade);
        pixel[2] = clamped(kStroma[2] + shade / 2);
      } else {
        const int shade = (grain * kGlassGrain >> 8) - kGlassGrain / 2;
        for (std::size_t c = 0; c < 3; ++c) pixel[c] = clamped(kGlass[c] + shade);
      }
    }
  }
}

void Painter::paint_nucleus(const SynthCell& cell, std::int64_t x, std::int64_t y, RgbView out) {
  const Box box = box_of(cell.x, cell.y, cell.semi_major, {x, y, out.width, out.height});
  const int tint = static_cast<int>(cell.id >> 27) - 16;  // -16..15
  for (std::int64_t py = box.y0; py < box.y1; ++py) {
    for (std::int64_t px = box.x0; px < box.x1; ++px) {
      const double q = cell.ellipse(static_cast<double>(px) + 0.5, static_cast<double>(py) + 0.5);
      const int opacity = opacity_of(q, 0.2, 236);
      if (opacity == 0) continue;
      const int chromatin = texture_[static_cast<std::size_t>((py - y) * edge_px_ + px - x)] / 2;
      blend(out.pixel(px - x, py - y), kNucleus, tint + chromatin, opacity);
    }
  }
}

/// A pale ellipse of cytoplasm with a nucleus of five overlapping lobes.
void Painter::paint_megakaryocyte(const SynthCell& cell, std::int64_t x, std::int64_t y,
                                  RgbView out) {
  constexpr int kLobes = 5;
  std::array<SynthCell, kLobes> lobes;
  for (int i = 0; i < kLobes; ++i) {
    SynthCell& lobe = lobes[static_cast<std::size_t>(i)];
    lobe.x = cell.x + (unit_at(cell.id, i, 11) - 0.5) * 0.75 * cell.semi_minor;
    lobe.y = cell.y + (unit_at(cell.id, i, 12) - 0.5) * 0.75 * cell.semi_minor;
    lobe.semi_major = lobe.semi_minor = cell.semi_minor * (0.26 + 0.12 * unit_at(cell.id, i, 13));
  }
  const Box box = box_of(cell.x, cell.y, cell.semi_major, {x, y, out.width, out.height});
  for (std::int64_t py = box.y0; py < box.y1; ++py) {
    for (std::int64_t px = box.x0; px < box.x1; ++px) {
      const double cx = static_cast<double>(px) + 0.5;
      const double cy = static_cast<double>(py) + 0.5;
      const double q = cell.ellipse(cx, cy);
      if (q >= 1) continue;
      std::uint8_t* pixel = out.pixel(px - x, py - y);
      blend(pixel, kCytoplasm, 0, opacity_of(q, 0.1, 220));
      double nearest = 1;
      for (const SynthCell& lobe : lobes) nearest = std::min(nearest, lobe.ellipse(cx, cy));
      const int chromatin = texture_[static_cast<std::size_t>((py - y) * edge_px_ + px - x)] / 2;
      blend(pixel, kNucleus, chromatin, opacity_of(nearest, 0.2, 236));
    }
  }
}

}  // namespace tilepool
