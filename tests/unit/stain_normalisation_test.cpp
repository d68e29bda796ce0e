// The fit of a slide's stains, and the fixed-point map against the formulas in double precision.
#include <array>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "common/kernels/normalise_stain.h"
#include "common/kernels/stain.h"
#include "worker/stain_fit.h"

namespace tilepool {
namespace {

using Pixel = std::array<std::uint8_t, 3>;
using Vector = std::array<double, 3>;

const MacenkoProfile kPale{{{{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}}}, {0.5, 0.4}};
const MacenkoProfile kUsual{{{{0.5626, 0.7201, 0.4062}, {0.2159, 0.8012, 0.5581}}},
                            {1.9705, 1.0308}};
const MacenkoProfile kSteep{{{{0.60, 0.71, 0.37}, {0.21, 0.88, 0.42}}}, {2.57, 1.06}};
const ReinhardProfile kDull{{-1.2, 0.02, -0.01}, {0.25, 0.03, 0.012}};
const ReinhardProfile kVivid{{-0.8636, -0.1244, 0.0445}, {0.6135, 0.1099, 0.0286}};

double clipped(double value) { return std::min(std::max(value, 0.0), 255.0); }

/// The concentrations by Cramer's rule on the normal equations.
Vector by_formula(const MacenkoProfile& from, const MacenkoProfile& to, const Pixel& p) {
  const Vector& a = from.vectors[0];
  const Vector& b = from.vectors[1];
  double aa = 0, bb = 0, ab = 0, ad = 0, bd = 0;
  for (std::size_t c = 0; c < 3; ++c) {
    const double density = -std::log((p[c] + 1.0) / 256);
    aa += a[c] * a[c];
    bb += b[c] * b[c];
    ab += a[c] * b[c];
    ad += a[c] * density;
    bd += b[c] * density;
  }
  const double first = (ad * bb - bd * ab) / (aa * bb - ab * ab);
  const double second = (bd * aa - ad * ab) / (aa * bb - ab * ab);
  Vector out{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double density =
        to.vectors[0][c] * first * to.max_concentrations[0] / from.max_concentrations[0] +
        to.vectors[1][c] * second * to.max_concentrations[1] / from.max_concentrations[1];
    out[c] = clipped(256 * std::exp(-density) - 1);
  }
  return out;
}

/// Solves the 3x3 systems instead of using inverses.
Vector solve(std::array<std::array<double, 4>, 3> m) {
  for (std::size_t k = 0; k < 3; ++k)
    for (std::size_t i = 0; i < 3; ++i) {
      if (i == k) continue;
      const double f = m[i][k] / m[k][k];
      for (std::size_t j = 0; j < 4; ++j) m[i][j] -= f * m[k][j];
    }
  return {m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]};
}

Vector by_formula(const ReinhardProfile& from, const ReinhardProfile& to, const Pixel& p) {
  if (p[0] >= 220 && p[1] >= 220 && p[2] >= 220) return {1.0 * p[0], 1.0 * p[1], 1.0 * p[2]};
  const double rgb[3] = {(p[0] + 1) / 256.0, (p[1] + 1) / 256.0, (p[2] + 1) / 256.0};
  const double l = std::log(0.3811 * rgb[0] + 0.5783 * rgb[1] + 0.0402 * rgb[2]);
  const double m = std::log(0.1967 * rgb[0] + 0.7244 * rgb[1] + 0.0782 * rgb[2]);
  const double s = std::log(0.0241 * rgb[0] + 0.1288 * rgb[1] + 0.8444 * rgb[2]);
  Vector lab = {(l + m + s) / std::sqrt(3), (l + m - 2 * s) / std::sqrt(6), (l - m) / std::sqrt(2)};
  for (std::size_t i = 0; i < 3; ++i)
    lab[i] = (lab[i] - from.mean[i]) * to.deviation[i] / from.deviation[i] + to.mean[i];
  const double third = lab[0] / std::sqrt(3);
  const Vector log = {third + lab[1] / std::sqrt(6) + lab[2] / std::sqrt(2),
                      third + lab[1] / std::sqrt(6) - lab[2] / std::sqrt(2),
                      third - 2 * lab[1] / std::sqrt(6)};
  Vector lms{};
  for (std::size_t i = 0; i < 3; ++i)
    lms[i] = std::min(std::max(std::exp(log[i]), std::exp2(-14)), 16.0);
  const Vector out = solve({{{0.3811, 0.5783, 0.0402, lms[0]},
                             {0.1967, 0.7244, 0.0782, lms[1]},
                             {0.0241, 0.1288, 0.8444, lms[2]}}});
  return {clipped(256 * out[0] - 1), clipped(256 * out[1] - 1), clipped(256 * out[2] - 1)};
}

/// The largest difference over random colours, the corners of the cube and all greys.
template <class Profile>
double largest_difference(const Profile& from, const Profile& to) {
  const auto map = make_stain_map(from, to);
  std::mt19937 random(4);
  std::vector<Pixel> pixels;
  for (unsigned i = 0; i < 8; ++i)
    pixels.push_back({static_cast<std::uint8_t>(i & 1 ? 255 : 0),
                      static_cast<std::uint8_t>(i & 2 ? 255 : 0),
                      static_cast<std::uint8_t>(i & 4 ? 255 : 0)});
  for (unsigned v = 0; v < 256; ++v)
    pixels.push_back(
        {static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v), static_cast<std::uint8_t>(v)});
  for (int i = 0; i < 500'000; ++i) {
    const auto bits = random();
    pixels.push_back({static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
                      static_cast<std::uint8_t>(bits >> 16)});
  }
  double worst = 0;
  for (const Pixel& pixel : pixels) {
    Pixel mapped = pixel;
    normalise_stain({mapped.data(), 1, 1, 3}, *map);
    const Vector exact = by_formula(from, to, pixel);
    for (std::size_t c = 0; c < 3; ++c) worst = std::max(worst, std::abs(mapped[c] - exact[c]));
  }
  return worst;
}

TEST(NormaliseStain, MacenkoIsTheFormulaWithinAGreyLevel) {
  EXPECT_LE(largest_difference(kSteep, kUsual), 1);
  EXPECT_LE(largest_difference(kUsual, kSteep), 1);
  EXPECT_LE(largest_difference(kUsual, kPale), 1);
  EXPECT_LE(largest_difference(kPale, kUsual), 1);
}

TEST(NormaliseStain, ReinhardIsTheFormulaWithinTwoGreyLevels) {
  EXPECT_LE(largest_difference(kVivid, kDull), 2);
  EXPECT_LE(largest_difference(kDull, kVivid), 2);
  EXPECT_LE(largest_difference(kVivid, kVivid), 2);
}

TEST(NormaliseStain, WhiteStaysWhite) {
  for (const auto& [from, to] : {std::pair<StainProfile, StainProfile>{kPale, kUsual},
                                 std::pair<StainProfile, StainProfile>{kDull, kVivid}}) {
    Pixel white = {255, 255, 255};
    normalise_stain({white.data(), 1, 1, 3}, *make_stain_map(from, to));
    EXPECT_EQ(white, (Pixel{255, 255, 255}));
  }
}

TEST(NormaliseStain, TouchesNothingBesideItsView) {
  std::vector<std::uint8_t> bytes(40, 90);
  normalise_stain({bytes.data() + 5, 2, 2, 12}, *make_stain_map(kSteep, kUsual));
  for (const std::size_t at : {0, 4, 11, 16, 23, 39}) EXPECT_EQ(bytes[at], 90) << at;
  EXPECT_NE(bytes[5], 90);
}

class StainFit : public ::testing::Test {
 protected:
  /// `edge` x `edge` pixels with up to `most` of each stain, and noise of `sigma` grey levels.
  std::vector<std::uint8_t> painted(const Vector& a, const Vector& b, double most_a, double most_b,
                                    double sigma = 0) {
    std::uniform_real_distribution<double> uniform(0, 1);
    std::normal_distribution<double> normal(0, 1);
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < kEdge * kEdge; ++i) {
      const double ca = most_a * uniform(random_);
      const double cb = most_b * uniform(random_);
      for (std::size_t c = 0; c < 3; ++c)
        bytes.push_back(static_cast<std::uint8_t>(std::lround(
            clipped(256 * std::exp(-ca * a[c] - cb * b[c]) - 1 + sigma * normal(random_)))));
    }
    return bytes;
  }
  std::optional<StainProfile> fit(const std::vector<std::uint8_t>& bytes,
                                  StainNormalisation method = StainNormalisation::kMacenko) {
    StainFitter fitter(method, budget_);
    const auto pixels = static_cast<std::int64_t>(bytes.size() / 3);
    fitter.add({bytes.data(), pixels, 1, 3 * pixels});
    return fitter.finish(why_not_);
  }
  static constexpr int kEdge = 400;
  static constexpr Vector kBlue = {0.65, 0.70, 0.29};
  static constexpr Vector kPink = {0.27, 0.90, 0.34};
  Budget budget_{std::size_t{1} << 28};
  std::mt19937 random_{11};
  std::string why_not_;
};

TEST_F(StainFit, FindsTheStainsWhicheverWasPaintedFirst) {
  for (const bool swapped : {false, true}) {
    const auto bytes = swapped ? painted(kPink, kBlue, 1.2, 1.8) : painted(kBlue, kPink, 1.8, 1.2);
    const auto profile = fit(bytes);
    ASSERT_TRUE(profile) << why_not_;
    const auto& found = std::get<MacenkoProfile>(*profile);
    EXPECT_LT(angle_between(found.vectors[0], kBlue), 0.05);
    EXPECT_LT(angle_between(found.vectors[1], kPink), 0.05);
    EXPECT_NEAR(found.max_concentrations[0], 1.8, 0.2);
    EXPECT_NEAR(found.max_concentrations[1], 1.2, 0.2);
  }
}

TEST_F(StainFit, NothingIsFittedToABlankSlide) {
  for (const auto method : {StainNormalisation::kMacenko, StainNormalisation::kReinhard}) {
    EXPECT_FALSE(fit(std::vector<std::uint8_t>(300'000, 243), method));
    EXPECT_EQ(why_not_, "0 tissue pixels, 1000 needed");
    EXPECT_FALSE(fit({}, method));
  }
}

TEST_F(StainFit, NothingIsFittedToOneStainWithOrWithoutNoise) {
  for (const double sigma : {0.0, 1.0, 3.0}) {
    EXPECT_FALSE(fit(painted(kBlue, kPink, 1.8, 0, sigma))) << sigma;
    EXPECT_NE(why_not_.find("one stain only"), std::string::npos) << why_not_;
  }
}

TEST_F(StainFit, SaturatedPixelsAndOneColourGiveNumbersOrAReason) {
  auto bytes = painted(kBlue, kPink, 1.8, 1.2);
  std::fill_n(bytes.begin(), 30'000, std::uint8_t{0});
  for (const auto method : {StainNormalisation::kMacenko, StainNormalisation::kReinhard}) {
    const auto profile = fit(bytes, method);
    ASSERT_TRUE(profile) << why_not_;
    (void)make_stain_map(*profile, default_stain_target(method));
    for (const std::uint8_t value : std::array<std::uint8_t, 2>{0, 100}) {
      EXPECT_FALSE(fit(std::vector<std::uint8_t>(300'000, value), method));
      EXPECT_NE(why_not_, "");
    }
  }
}

TEST_F(StainFit, ReinhardIsMeanAndDeviation) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < 1000; ++i)
    for (const int value : {60, 90, 120, 200, 80, 150})
      bytes.push_back(static_cast<std::uint8_t>(value));
  const auto profile = fit(bytes, StainNormalisation::kReinhard);
  ASSERT_TRUE(profile) << why_not_;
  const auto& found = std::get<ReinhardProfile>(*profile);
  // Of the two colours (60, 90, 120) and (200, 80, 150).
  EXPECT_NEAR(found.mean[0], -1.48256, 1e-4);
  EXPECT_NEAR(found.deviation[0], 0.26449, 1e-4);
}

}  // namespace
}  // namespace tilepool
