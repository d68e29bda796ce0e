#pragma once

#include <string>

namespace tilepool {

/// The page of the review format: one HTML file with its style and script, the same for every run.
/// It loads what stands beside it (docs/review.md).
[[nodiscard]] std::string review_page();

}  // namespace tilepool
