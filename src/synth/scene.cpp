#include "synth/scene.h"

#include <algorithm>
#include <cmath>

#include "common/base/error.h"
#include "synth/hash_noise.h"

namespace tilepool {
namespace {

// Salts: one per kind of random number.
enum Salt : std::uint32_t {
  kPieceSalt = 0x11,
  kCoarseSalt = 0x21,
  kFineSalt = 0x31,
  kNucleusSalt = 0x41,
  kLargeSalt = 0x61,
};

constexpr double kLargePitchUm = 290;     // about 12 per mm2
constexpr double kLargeRadiusUm = 22;     // at most
constexpr double kNucleusRadiusUm = 4.6;  // at most

void check_options(const SynthOptions& o) {
  const auto in = [](auto value, auto low, auto high) { return value >= low && value <= high; };
  check(in(o.width, 64, 1'000'000) && in(o.height, 64, 1'000'000), ErrorCode::kUsage,
        "a synthetic slide of {} x {} px: each edge must be in 64..1000000", o.width, o.height);
  check(in(o.mpp_um, 0.05, 20.0), ErrorCode::kUsage, "mpp {} um is not in 0.05..20", o.mpp_um);
  check(in(o.pieces, 0, 16), ErrorCode::kUsage, "{} pieces of tissue: not in 0..16", o.pieces);
  check(in(o.cell_pitch_um, 8.0, 200.0), ErrorCode::kUsage, "cell pitch {} um is not in 8..200",
        o.cell_pitch_um);
  check(in(o.jpeg_quality, 1, 100), ErrorCode::kUsage, "JPEG quality {} is not in 1..100",
        o.jpeg_quality);
  check(in(o.tile_px, 64, 1024) && o.tile_px % 64 == 0, ErrorCode::kUsage,
        "TIFF tiles of {} px: must be a multiple of 64 in 64..1024", o.tile_px);
  check(in(o.threads, 1, 64), ErrorCode::kUsage, "{} threads: not in 1..64", o.threads);
}

/// A direction from a random number without a library's sine: the tangent half-angle form.
void set_axis(SynthCell& cell, double unit) {
  const double t = 2 * unit - 1;
  cell.axis_x = (1 - t * t) / (1 + t * t);
  cell.axis_y = 2 * t / (1 + t * t);
}

std::int64_t floor_index(double value) { return static_cast<std::int64_t>(std::floor(value)); }

}  // namespace

Scene::Scene(const SynthOptions& options)
    : options_(options),
      pitch_px_(options.cell_pitch_um / options.mpp_um),
      large_pitch_px_(kLargePitchUm / options.mpp_um) {
  check_options(options);
  const auto width = static_cast<double>(options.width);
  const auto height = static_cast<double>(options.height);
  const double share = options.pieces > 0 ? width / options.pieces : width;
  for (int i = 0; i < options.pieces; ++i) {
    const auto random = [&](int what) { return unit_at(options.seed + kPieceSalt, i, what); };
    pieces_.push_back({share * (i + 0.45 + 0.1 * random(0)), height * (0.44 + 0.12 * random(1)),
                       share * (0.30 + 0.06 * random(2)), height * (0.28 + 0.08 * random(3))});
  }
}

double Scene::outline_noise(std::int64_t x, std::int64_t y, double cell_px,
                            std::uint32_t salt) const {
  const double u = static_cast<double>(x) / cell_px;
  const double v = static_cast<double>(y) / cell_px;
  const std::int64_t i = floor_index(u);
  const std::int64_t j = floor_index(v);
  const double a = u - static_cast<double>(i);
  const double b = v - static_cast<double>(j);
  const double s = a * a * (3 - 2 * a);
  const double t = b * b * (3 - 2 * b);
  const std::uint32_t seed = options_.seed + salt;
  const double top = unit_at(seed, i, j) * (1 - s) + unit_at(seed, i + 1, j) * s;
  const double bottom = unit_at(seed, i, j + 1) * (1 - s) + unit_at(seed, i + 1, j + 1) * s;
  return 2 * (top * (1 - t) + bottom * t) - 1;
}

double Scene::field_at(std::int64_t column, std::int64_t row) const {
  const std::int64_t x = column * kStep;
  const std::int64_t y = row * kStep;
  double best = -1;
  for (const Piece& piece : pieces_) {
    const double u = (static_cast<double>(x) - piece.x) / piece.radius_x;
    const double v = (static_cast<double>(y) - piece.y) / piece.radius_y;
    best = std::max(best, 1 - u * u - v * v);
  }
  if (best <= -0.6) return best;  // the noise below reaches 0.5 at most
  const auto edge = static_cast<double>(std::min(options_.width, options_.height));
  return best + 0.35 * outline_noise(x, y, edge / 8, kCoarseSalt) +
         0.15 * outline_noise(x, y, edge / 24, kFineSalt);
}

double Scene::field_between(double x, double y) const {
  const std::int64_t i = floor_index(x / kStep);
  const std::int64_t j = floor_index(y / kStep);
  const double u = x / kStep - static_cast<double>(i);
  const double v = y / kStep - static_cast<double>(j);
  const double top = field_at(i, j) * (1 - u) + field_at(i + 1, j) * u;
  const double bottom = field_at(i, j + 1) * (1 - u) + field_at(i + 1, j + 1) * u;
  return top * (1 - v) + bottom * v;
}

bool Scene::is_tissue(double x, double y) const { return field_between(x, y) > 0; }

bool Scene::deep_in_tissue(double x, double y) const { return field_between(x, y) > 0.03; }

void Scene::append_megakaryocyte(std::int64_t column, std::int64_t row,
                                 std::vector<SynthCell>& out) const {
  const std::uint32_t id = hash_at(options_.seed + kLargeSalt, column, row);
  const auto random = [id](int what) { return unit_at(id, what, 0); };
  SynthCell cell;
  cell.kind = SynthKind::kMegakaryocyte;
  cell.id = id;
  cell.x = (static_cast<double>(column) + 0.15 + 0.7 * random(0)) * large_pitch_px_;
  cell.y = (static_cast<double>(row) + 0.15 + 0.7 * random(1)) * large_pitch_px_;
  cell.semi_major = (14 + (kLargeRadiusUm - 14) * random(2)) / options_.mpp_um;
  cell.semi_minor = cell.semi_major * (0.75 + 0.25 * random(3));
  set_axis(cell, random(4));
  if (deep_in_tissue(cell.x, cell.y)) out.push_back(cell);
}

void Scene::append_nuclei(std::int64_t column, std::int64_t row,
                          const std::vector<SynthCell>& large, std::vector<SynthCell>& out) const {
  const std::uint32_t id = hash_at(options_.seed + kNucleusSalt, column, row);
  const auto random = [id](int what) { return unit_at(id, what, 0); };
  if (random(0) < 0.12) return;  // gaps
  SynthCell cell;
  cell.id = id;
  const double stagger = row % 2 == 0 ? 0.25 : 0.75;  // every other row, against a square pattern
  cell.x = (static_cast<double>(column) + stagger + 0.64 * (random(1) - 0.5)) * pitch_px_;
  cell.y = (static_cast<double>(row) + 0.5 + 0.64 * (random(2) - 0.5)) * pitch_px_;
  cell.semi_major = (2.9 + (kNucleusRadiusUm - 2.9) * random(3)) / options_.mpp_um;
  cell.semi_minor = cell.semi_major * (0.6 + 0.4 * random(4));
  set_axis(cell, random(5));
  if (!deep_in_tissue(cell.x, cell.y)) return;
  for (const SynthCell& other : large) {
    const double room = 1 + cell.semi_major / other.semi_minor;
    if (other.ellipse(cell.x, cell.y) < room * room) return;
  }
  out.push_back(cell);
}

std::vector<SynthCell> Scene::large_near(const Rect& region) const {
  std::vector<SynthCell> cells;
  if (!options_.megakaryocytes) return cells;
  const double reach = kLargeRadiusUm / options_.mpp_um;
  const auto index = [&](std::int64_t px, double shift) {
    return floor_index((static_cast<double>(px) + shift) / large_pitch_px_);
  };
  for (std::int64_t row = index(region.y, -reach); row <= index(region.y + region.h, reach);
       ++row) {
    for (std::int64_t column = index(region.x, -reach); column <= index(region.x + region.w, reach);
         ++column) {
      append_megakaryocyte(column, row, cells);
    }
  }
  return cells;
}

std::vector<SynthCell> Scene::cells_near(const Rect& region) const {
  const auto reach = static_cast<std::int64_t>(kNucleusRadiusUm / options_.mpp_um) + 1;
  const auto margin = reach + static_cast<std::int64_t>(kNucleusRadiusUm / options_.mpp_um) + 1;
  std::vector<SynthCell> cells = large_near(region);
  // Large cells that keep a nucleus away may lie outside the region themselves.
  const std::vector<SynthCell> keep_away = large_near(
      {region.x - margin, region.y - margin, region.w + 2 * margin, region.h + 2 * margin});
  const auto index = [&](std::int64_t px) {
    return floor_index(static_cast<double>(px) / pitch_px_);
  };
  for (std::int64_t row = index(region.y - reach); row <= index(region.y + region.h + reach);
       ++row) {
    for (std::int64_t column = index(region.x - reach) - 1;
         column <= index(region.x + region.w + reach) + 1; ++column) {
      append_nuclei(column, row, keep_away, cells);
    }
  }
  return cells;
}

std::vector<SynthCell> Scene::all_cells() const {
  constexpr std::int64_t kBlock = 4096;
  std::vector<SynthCell> cells;
  for (std::int64_t y = 0; y < options_.height; y += kBlock) {
    for (std::int64_t x = 0; x < options_.width; x += kBlock) {
      const auto right = static_cast<double>(std::min(x + kBlock, options_.width));
      const auto bottom = static_cast<double>(std::min(y + kBlock, options_.height));
      for (const SynthCell& cell : cells_near({x, y, kBlock, kBlock})) {
        const bool here = cell.x >= static_cast<double>(x) && cell.x < right &&
                          cell.y >= static_cast<double>(y) && cell.y < bottom;
        if (here) cells.push_back(cell);
      }
    }
  }
  return cells;
}

}  // namespace tilepool
