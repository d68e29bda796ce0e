#pragma once

#include <cstdint>

#include "common/base/image_view.h"
#include "common/memory/buffer.h"
#include "common/model/options.h"

namespace tilepool {

/// Bright field or fluorescence: fluorescence when the median of max(R, G, B) is below 64. Pixels
/// that are pure white do not vote, since transparent parts (MIRAX) are white; all white: bright
/// field.
[[nodiscard]] Modality judge_modality(ConstRgbView scan);

/// What tells tissue from glass, with the thresholds that a slide's scan gave.
struct TissueRule {
  TissueMethod method = TissueMethod::kOtsu;
  Modality modality = Modality::kBrightfield;
  int darkest_glass = 0;   ///< otsu: luma below this is tissue; 0: none is, 256: all is
  int brightest_dark = 0;  ///< fluorescence: smoothed brightness above this is tissue
};

/// otsu: luma <= Otsu's threshold. Two guards, since Otsu always finds two classes: classes less
/// than 20 grey levels apart are one (glass when its mean is at least 190, else tissue), and when
/// the brighter class is darker than 190 there is no glass on the slide and all is tissue.
///
/// hsv: saturation (8 bits) > 8 after a 7 x 7 median, the rule and the figures of CLAM (Lu et al.
/// 2021, sthresh 8, mthresh 7).
///
/// Fluorescence: max(R, G, B), averaged over 5 x 5, > its triangle threshold (nuclei are few bright
/// pixels on a dark peak, where Otsu keeps only the densest), classes at least 6 apart; pure white
/// (not scanned) and its neighbours never. The method makes no difference there: a dark background
/// has no sound saturation.
///
/// Method variance has no rule for a pixel: Error(kInternal).
[[nodiscard]] TissueRule measure_tissue(ConstRgbView scan, TissueMethod method, Modality modality,
                                        Arena& scratch);

/// The raw tissue mask (1 tissue), before cleaning. `scale`: pixels of `image` per scan pixel,
/// along an edge, by which the windows of fluorescence grow.
void apply_tissue(const TissueRule& rule, ConstRgbView image, double scale, Arena& scratch,
                  ImageView<std::uint8_t> mask);
/// How far around a pixel apply_tissue() looks.
[[nodiscard]] std::int64_t tissue_reach_px(const TissueRule& rule, double scale);

/// Variance of luma (fluorescence: of max(R, G, B)) over the (2r+1)^2 scan pixels around each.
void scan_variance(ConstRgbView scan, Modality modality, std::int64_t radius_px, Arena& scratch,
                   ImageView<std::uint16_t> variance);
/// Radius of that window: 16 um, so that it holds nuclei and what lies between them at any scan
/// resolution (um/px; NaN unknown); 2..64 px.
[[nodiscard]] std::int64_t variance_radius_px(double scan_mpp);

/// Of measure_tissue, apply_tissue and scan_variance.
[[nodiscard]] std::size_t raw_tissue_scratch_bytes(std::int64_t width, std::int64_t height);

}  // namespace tilepool
