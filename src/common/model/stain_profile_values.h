#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/stain_profile.h"
#include "common/model/options.h"

namespace tilepool {

[[nodiscard]] StainNormalisation method_of(const StainProfile& profile);
/// "none", "macenko", "reinhard".
[[nodiscard]] const char* name_of(StainNormalisation method);

/// The profile as values of a slide's calibration, names beginning with "normalise_", and back;
/// nullopt where there are none. The round trip is exact.
using NamedValues = std::vector<std::pair<std::string, double>>;
[[nodiscard]] NamedValues stain_profile_values(const StainProfile& profile);
[[nodiscard]] std::optional<StainProfile> stain_profile_of_values(const NamedValues& values);

/// Beside those: 1 where a slide is normalised, 0 where it should be and cannot.
inline constexpr char kNormalisedValue[] = "normalised";

}  // namespace tilepool
