#pragma once

#include <string>
#include <vector>

#include "common/run/results_reader.h"

namespace tilepool {

/// The name, without an extension, of each slide's files: its id where that is a file name for any
/// system (ASCII letters, digits and -_. only, no dot in front, at most 200 bytes), as programs
/// look slides up by it; else slide_stem(id). No two are equal, also where case does not count, and
/// none is in `reserved` (lower case).
[[nodiscard]] std::vector<std::string> export_stems(const std::vector<ResultsSlide>& slides,
                                                    const std::vector<std::string>& reserved);

}  // namespace tilepool
