#pragma once

#include <string>

#include "common/base/stain_profile.h"
#include "common/model/options_schema.h"

namespace tilepool {

/// {"method": "macenko", "vectors": [[r, g, b], [r, g, b]], "max_concentrations": [a, b]} or
/// {"method": "reinhard", "mean": [l, alpha, beta], "deviation": [l, alpha, beta]}.
[[nodiscard]] Json stain_profile_json(const StainProfile& profile);
/// Reads that into `out` and returns "", or what is wrong with it: a member missing or unknown,
/// vectors not within 0.2 of unit length or less than 0.05 rad apart, a maximum or a deviation that
/// is not above 0, numbers beyond 100.
[[nodiscard]] std::string read_stain_profile(const Json& json, StainProfile& out);

}  // namespace tilepool
