#include "common/slide/mpp.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::string_view kWayOut = "give \"mpp\" for this slide in the config or the manifest";

bool plausible(double mpp_um) { return mpp_um >= kMinMpp && mpp_um <= kMaxMpp; }

/// A positive finite number, or nullopt. Independent of the locale.
std::optional<double> parse_positive(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  double value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value) || value <= 0) {
    return std::nullopt;
  }
  return value;
}

/// Micrometres in the unit that the resolution counts pixels per; nullopt when it is no length.
std::optional<double> unit_um(const std::optional<std::string>& unit) {
  if (unit == "centimeter") return 10000.0;
  if (unit == "inch") return 25400.0;
  return std::nullopt;
}

Mpp judged(double x, double y, std::string_view source, std::string_view property) {
  Mpp mpp;
  if (plausible(x) && plausible(y)) {
    mpp.x = x;
    mpp.y = y;
    mpp.source = source;
  } else {
    mpp.problem = fmt::format("mpp {:.4g} um/px from {} is implausible ({}..{}); {}",
                              plausible(x) ? y : x, property, kMinMpp, kMaxMpp, kWayOut);
  }
  return mpp;
}

}  // namespace

Mpp resolve_mpp(std::optional<double> configured, const MppTags& tags) {
  if (configured) {
    check(plausible(*configured), ErrorCode::kSlide,
          "mpp {:.4g} um/px from the config is implausible ({}..{}); correct \"mpp\" of this slide",
          *configured, kMinMpp, kMaxMpp);
    return {*configured, *configured, "config", ""};
  }
  if (const auto x = parse_positive(tags.openslide_x)) {
    const double y = parse_positive(tags.openslide_y).value_or(*x);
    return judged(*x, y, "openslide", "openslide.mpp-x");
  }
  const auto unit = unit_um(tags.resolution_unit);
  const auto x = parse_positive(tags.resolution_x);
  if (unit && x) {
    const double y = parse_positive(tags.resolution_y).value_or(*x);
    return judged(*unit / *x, *unit / y, "tiff-resolution", "tiff.XResolution");
  }
  Mpp unknown;
  unknown.problem = fmt::format("the slide does not tell its mpp; {}", kWayOut);
  return unknown;
}

}  // namespace tilepool
