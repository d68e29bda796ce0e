#include "worker/tile_features_task.h"

#include <array>
#include <limits>
#include <string>

#include <fmt/core.h>

#include "common/kernels/region_colour.h"

namespace tilepool {

TaskSchema tile_features_schema() {
  constexpr std::array<const char*, kPlainChannels> kNames = {"r", "g", "b", "grey", "h", "s", "v"};
  TaskSchema schema;
  for (std::size_t c = 0; c < kPlainChannels; ++c) {
    const std::string name = kNames[c];
    const std::string range = c <= kGrey ? "0..255" : "0..1";
    schema.tile_features.push_back(
        {"mean_" + name, "1", fmt::format("Mean of {} over the core, {}.", name, range)});
    schema.tile_features.push_back(
        {"std_" + name, "1",
         fmt::format("Population standard deviation of {} over the core.", name)});
  }
  return schema;
}

void tile_features(Backend& backend, const Rect& core, std::vector<float>& out) {
  if (core.w <= 0 || core.h <= 0) {
    out.insert(out.end(), 2 * kPlainChannels, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  const ColourSums<kPlainChannels> sums = backend.colour(core);
  for (std::size_t c = 0; c < kPlainChannels; ++c) {
    const MeanAndStd m = mean_and_std(sums.count, sums.sum[c], sums.square[c]);
    out.push_back(static_cast<float>(m.mean * kChannelUnit[c]));
    out.push_back(static_cast<float>(m.std * kChannelUnit[c]));
  }
}

}  // namespace tilepool
