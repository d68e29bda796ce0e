#pragma once

#include <cstdint>
#include <vector>

#include "common/base/image_view.h"

namespace tilepool {

/// How a synthetic slide looks. Lengths are level-0 pixels unless the name says um.
struct SynthOptions {
  std::int64_t width = 8192, height = 8192;
  double mpp_um = 0.25;  ///< um per pixel, also written into the TIFF's resolution tags
  std::uint32_t seed = 1;
  int pieces = 2;               ///< pieces of tissue, 0 (a blank slide)..16
  double cell_pitch_um = 14;    ///< mean distance of neighbouring nuclei, 8..200
  bool megakaryocytes = false;  ///< adds large cells with lobed nuclei, about 12 per mm2
  bool jpeg = true;             ///< else uncompressed
  int jpeg_quality = 85;        ///< 1..100
  std::int64_t tile_px = 256;   ///< TIFF tile edge, a multiple of 64, 64..1024
  int threads = 1;              ///< 1..64; the bytes do not depend on it
};

enum class SynthKind : std::uint8_t { kNucleus = 0, kMegakaryocyte = 1 };

/// One cell: an ellipse. A megakaryocyte's ellipse is its cytoplasm.
struct SynthCell {
  double x = 0, y = 0;                    ///< centre, level-0 px
  double semi_major = 0, semi_minor = 0;  ///< px
  double axis_x = 1, axis_y = 0;          ///< unit vector of the major axis
  SynthKind kind = SynthKind::kNucleus;
  std::uint32_t id = 0;  ///< hash; varies its texture

  /// Squared distance from the centre in units of the ellipse: < 1 inside.
  [[nodiscard]] double ellipse(double px, double py) const {
    const double dx = px - x;
    const double dy = py - y;
    const double u = (dx * axis_x + dy * axis_y) / semi_major;
    const double v = (dy * axis_x - dx * axis_y) / semi_minor;
    return u * u + v * v;
  }
};

/// What lies where on a synthetic slide: a pure function of the options, evaluated place by place.
/// Thread-safe.
class Scene {
 public:
  explicit Scene(const SynthOptions& options);

  /// Tissue where > 0: at multiples of kStep the field itself, between them bilinear, so that a
  /// square of the lattice with four positive corners is tissue all over.
  static constexpr std::int64_t kStep = 16;
  [[nodiscard]] double field_at(std::int64_t column, std::int64_t row) const;
  [[nodiscard]] bool is_tissue(double x, double y) const;

  /// Cells whose ellipses may reach into `region`, in a fixed order: megakaryocytes first.
  [[nodiscard]] std::vector<SynthCell> cells_near(const Rect& region) const;
  /// Cells whose centres lie on the slide, by (y, x) of the placing grid.
  [[nodiscard]] std::vector<SynthCell> all_cells() const;

  [[nodiscard]] const SynthOptions& options() const { return options_; }

 private:
  struct Piece {
    double x, y, radius_x, radius_y;
  };
  [[nodiscard]] double outline_noise(std::int64_t x, std::int64_t y, double cell_px,
                                     std::uint32_t salt) const;
  void append_nuclei(std::int64_t column, std::int64_t row, const std::vector<SynthCell>& large,
                     std::vector<SynthCell>& out) const;
  void append_megakaryocyte(std::int64_t column, std::int64_t row,
                            std::vector<SynthCell>& out) const;
  [[nodiscard]] std::vector<SynthCell> large_near(const Rect& region) const;
  [[nodiscard]] double field_between(double x, double y) const;
  [[nodiscard]] bool deep_in_tissue(double x, double y) const;

  SynthOptions options_;
  std::vector<Piece> pieces_;
  double pitch_px_;        ///< of the nuclei's placing grid
  double large_pitch_px_;  ///< of the megakaryocytes'
};

}  // namespace tilepool
