#include "stain_reference.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/memory/budget.h"
#include "common/model/stain_profile_text.h"
#include "common/model/stain_profile_values.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/slide/source.h"
#include "worker/calibrate.h"
#include "worker/scan_slide.h"
#include "worker/stain_fit.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// A profile that somebody saved, or what another run fixed for a slide.
StainProfile read_saved(const fs::path& file) {
  const Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false,
                                /*ignore_comments=*/true);
  check(!json.is_discarded(), ErrorCode::kConfig, "/stain/reference: {} is no JSON", file.string());
  if (json.is_object() && json.contains("format")) {
    const auto profile = stain_profile_of_values(read_slide_calibration(file).values);
    check(profile.has_value(), ErrorCode::kConfig,
          "/stain/reference: {} is of a run that did not normalise this slide's stains; take one "
          "of a run with /stain/normalise, or name the slide itself",
          file.string());
    return *profile;
  }
  StainProfile profile;
  const std::string problem = read_stain_profile(json, profile);
  check(problem.empty(), ErrorCode::kConfig, "/stain/reference: {}: {}", file.string(), problem);
  return profile;
}

/// Tissue is told from glass by Otsu's threshold where the cohort's method needs other slides.
Options for_reference(Options options) {
  options.tissue.exact = false;
  if (options.tissue.method == TissueMethod::kVariance) options.tissue.method = TissueMethod::kOtsu;
  return options;
}

StainProfile fit_slide(const fs::path& file, const Options& given, std::size_t limit_bytes) {
  const Options options = for_reference(given);
  Budget budget(std::max(limit_bytes / 4, 176 * kMiB));
  const auto source = open_slide(file.string(), std::nullopt, options.workers.reader);
  // Its id draws its patches: always the same ones, however the file is named.
  const SlideSpec spec{"reference", file.string(), "", std::nullopt, ""};
  const SlideScan scan = scan_slide(spec, *source, options, budget);
  check(scan.modality == Modality::kBrightfield, ErrorCode::kConfig,
        "/stain/reference: {} is a fluorescence slide", file.string());
  std::string why_not;
  const auto profile = fit_slide_stains(
      *source, scan.grid, calibration_patches(scan, options, budget), options, budget, why_not);
  check(profile.has_value(), ErrorCode::kConfig,
        "/stain/reference: {} cannot serve: {}; name another slide", file.string(), why_not);
  return *profile;
}

StainProfile read_reference(const fs::path& file, const Options& options, std::size_t limit_bytes) {
  check(fs::is_regular_file(file), ErrorCode::kNoInput, "/stain/reference: there is no file {}",
        file.string());
  if (file.extension() == ".json") return read_saved(file);
  return fit_slide(file, options, limit_bytes);
}

}  // namespace

void resolve_stain_target(Options& options, const fs::path& folder, std::size_t limit_bytes) {
  StainOptions& stain = options.stain;
  if (stain.normalise == StainNormalisation::kNone) return;
  check(!stain.target || !stain.reference, ErrorCode::kConfig,
        "/stain/target stands beside /stain/reference; leave one of them out");
  if (stain.reference)
    stain.target = read_reference(folder / *stain.reference, options, limit_bytes);
  else if (!stain.target)
    stain.target = default_stain_target(stain.normalise);
  check(method_of(*stain.target) == stain.normalise, ErrorCode::kConfig,
        "/stain/normalise is {}, but the {} is of {}", name_of(stain.normalise),
        stain.reference ? "reference" : "target", name_of(method_of(*stain.target)));
}

}  // namespace tilepool
