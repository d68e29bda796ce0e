#pragma once

#include <cstddef>
#include <filesystem>

#include "common/model/options.h"

namespace tilepool {

/// Fills options.stain.target from options.stain.reference, or with the published one: nothing
/// where stains are not normalised. A reference that is a slide is scanned and fitted here, as a
/// slide of the cohort would be; relative paths start at `folder`. Its work takes at most
/// `limit_bytes`. Throws Error(kConfig) when reference and target are both given, or when either is
/// of another method or cannot serve, Error(kNoInput), Error(kIo), Error(kSlide), Error(kBudget).
void resolve_stain_target(Options& options, const std::filesystem::path& folder,
                          std::size_t limit_bytes);

}  // namespace tilepool
