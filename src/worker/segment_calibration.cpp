#include "worker/segment_calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/kernels/histogram.h"
#include "common/kernels/optical_density.h"
#include "worker/make_segment_plan.h"
#include "worker/segment_stains.h"

namespace tilepool {
namespace {

constexpr std::size_t kColours = std::size_t{1} << 18;

std::size_t colour_index(unsigned r, unsigned g, unsigned b) {
  return (std::size_t{r >> 2} << 12) | (std::size_t{g >> 2} << 6) | (b >> 2);
}

/// The middle of a colour bin, as a pixel.
std::array<std::uint8_t, 3> colour_of(std::size_t index) {
  const auto middle = [](std::size_t bin) { return static_cast<std::uint8_t>((bin & 63) * 4 + 2); };
  return {middle(index >> 12), middle(index >> 6), middle(index)};
}

/// One channel of a patch as a plane of 0..4080.
void take_channel(ConstRgbView patch, std::int64_t channel, ImageView<std::uint16_t> out) {
  for (std::int64_t y = 0; y < patch.height; ++y) {
    const std::uint8_t* in = patch.row(y) + channel;
    std::uint16_t* row = out.row(y);
    for (std::int64_t x = 0; x < patch.width; ++x) {
      row[x] = static_cast<std::uint16_t>(16 * in[3 * x]);
    }
  }
}

/// fn(pixel, count) for the colours that count as stained (fluorescence: all).
template <class Fn>
void for_each_stained(const std::vector<std::uint64_t>& colours, int limit, Fn fn) {
  for (std::size_t i = 0; i < colours.size(); ++i) {
    if (colours[i] == 0) continue;
    const auto rgb = colour_of(i);
    if (std::min({rgb[0], rgb[1], rgb[2]}) < limit) fn(rgb, colours[i]);
  }
}

/// Otsu's threshold of the nuclear plane over stained colours, in plane values.
std::int32_t plane_threshold(const std::vector<std::uint64_t>& colours, const SegmentCalibration& c,
                             int limit) {
  const UnmixTable table = make_unmix_table(unmixing_weights(c.stain1, c.stain2), c.reference1);
  std::vector<std::uint64_t> bins(256);
  for_each_stained(colours, limit, [&](const std::array<std::uint8_t, 3>& rgb, std::uint64_t n) {
    const std::int32_t value =
        c.fluorescence ? 16 * std::max({rgb[0], rgb[1], rgb[2]}) : table.value(rgb.data());
    bins[static_cast<std::size_t>(value >> 4)] += n;
  });
  return otsu_threshold(bins) * 16 + 15;
}

double mean_grey(const std::vector<std::uint64_t>& colours, int limit) {
  double sum = 0;
  double count = 0;
  for_each_stained(colours, limit, [&](const std::array<std::uint8_t, 3>& rgb, std::uint64_t n) {
    const double grey = (13926.0 * rgb[0] + 46885.0 * rgb[1] + 4725.0 * rgb[2]) / 65536;
    sum += grey * static_cast<double>(n);
    count += static_cast<double>(n);
  });
  return count > 0 ? std::max(sum / count, 1.0) : 255.0;
}

void set_fixed_vectors(StainMethod method, SegmentCalibration& c) {
  c.stain1 = normalised(kRuifrokHaematoxylin);
  c.stain2 = normalised(method == StainMethod::kHdab ? kRuifrokDab : kRuifrokEosin);
}

}  // namespace

std::vector<std::pair<std::string, double>> SegmentCalibration::to_values() const {
  return {{"fluorescence", fluorescence ? 1.0 : 0.0},
          {"stain1_r", stain1[0]},
          {"stain1_g", stain1[1]},
          {"stain1_b", stain1[2]},
          {"stain2_r", stain2[0]},
          {"stain2_g", stain2[1]},
          {"stain2_b", stain2[2]},
          {"reference1", reference1},
          {"reference2", reference2},
          {"threshold", static_cast<double>(threshold)},
          {"tissue_grey", tissue_grey}};
}

SegmentCalibration SegmentCalibration::from_values(
    const std::vector<std::pair<std::string, double>>& values) {
  const auto get = [&](std::string_view name) {
    for (const auto& [key, value] : values) {
      if (key == name) return value;
    }
    fail(ErrorCode::kInternal, "calibration has no value '{}'; calibrate the slide again", name);
  };
  SegmentCalibration c;
  c.fluorescence = get("fluorescence") != 0;
  c.stain1 = {get("stain1_r"), get("stain1_g"), get("stain1_b")};
  c.stain2 = {get("stain2_r"), get("stain2_g"), get("stain2_b")};
  c.reference1 = get("reference1");
  c.reference2 = get("reference2");
  c.threshold = static_cast<std::int32_t>(get("threshold"));
  c.tissue_grey = get("tissue_grey");
  return c;
}

SegmentCalibrator::SegmentCalibrator(const SegmentOptions& options, Modality modality, double mpp)
    : options_(options),
      fluorescence_(modality == Modality::kFluorescence),
      kernel_(gaussian_kernel(options.smooth_um / mpp)),
      raw_(kColours),
      smoothed_(kColours) {
  check(modality != Modality::kAuto, ErrorCode::kInternal, "modality is not resolved");
}

std::size_t SegmentCalibrator::scratch_bytes(std::int64_t width, std::int64_t height) const {
  return 3 * arena_bytes(static_cast<std::size_t>(width * height) * 2) +
         smooth_scratch_bytes(width, height, kernel_.radius());
}

void SegmentCalibrator::add(ConstRgbView patch, Arena& scratch) {
  const std::size_t mark = scratch.mark();
  std::array<ImageView<std::uint16_t>, 3> channels;
  for (std::int64_t c = 0; c < 3; ++c) {
    auto& plane = channels[static_cast<std::size_t>(c)];
    plane = scratch.take_image<std::uint16_t>(patch.width, patch.height);
    take_channel(patch, c, plane);
    smooth(plane, kernel_, scratch, plane);
  }
  for (std::int64_t y = 0; y < patch.height; ++y) {
    const std::uint8_t* pixel = patch.row(y);
    for (std::int64_t x = 0; x < patch.width; ++x, pixel += 3) {
      ++raw_[colour_index(pixel[0], pixel[1], pixel[2])];
      ++smoothed_[colour_index(channels[0].at(x, y) / 16U, channels[1].at(x, y) / 16U,
                               channels[2].at(x, y) / 16U)];
    }
  }
  scratch.release(mark);
}

SegmentCalibration SegmentCalibrator::finish(std::string& note) const {
  note.clear();
  SegmentCalibration c;
  c.fluorescence = fluorescence_;
  const int limit = fluorescence_ ? 256 : stained_limit(options_);
  ColourCounts stained;
  for_each_stained(raw_, limit, [&](const std::array<std::uint8_t, 3>& rgb, std::uint64_t n) {
    stained.push_back({{optical_density(rgb[0]), optical_density(rgb[1]), optical_density(rgb[2])},
                       static_cast<double>(n)});
  });
  set_fixed_vectors(options_.stain, c);
  if (options_.stain == StainMethod::kMacenko && !fluorescence_) {
    const StainEstimate estimate = estimate_stains(stained);
    if (estimate.reason.empty()) {
      c.stain1 = estimate.first;
      c.stain2 = estimate.second;
    } else {
      note = fmt::format("fallback to Ruifrok H&E: {}", estimate.reason);
    }
  }
  c.reference1 = concentration_percentile(stained, unmixing_weights(c.stain1, c.stain2), 0.99);
  c.reference2 = concentration_percentile(stained, unmixing_weights(c.stain2, c.stain1), 0.99);
  c.threshold = plane_threshold(smoothed_, c, limit);
  c.tissue_grey = mean_grey(raw_, limit);
  return c;
}

}  // namespace tilepool
