#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// The slides that a configuration names: globs and manifest expanded, the same file taken once,
/// ids made, sorted by id bytewise. Relative paths of /slides and /manifest start at `config_dir`,
/// those inside a manifest at the manifest's folder; ~ is not expanded. Opens no slide.
///
/// A slide that cannot be right stays in the list with `problem` set, so that the ledger names it:
/// a path that does not exist, a folder, a name that is not UTF-8, an id that another slide has
/// (the first by path that exists keeps it, the others become ID~2, ID~3, ...).
/// A slide's file of annotations is the one that is named for it, else the one in
/// /annotations/folder that is named like it; two there are its problem.
/// A file named twice is one slide with what was said at both places. That, a glob or manifest
/// without slides beside others, and unused columns are lines in `warnings`.
///
/// Throws Error(kConfig) that lists every problem of the manifest, and every contradiction (one id
/// for a glob of several files; two ids, groups or mpp for one file); Error(kNoInput) when nothing
/// that is named exists.
[[nodiscard]] std::vector<SlideSpec> expand_cohort(const Options& options,
                                                   const std::filesystem::path& config_dir,
                                                   std::vector<std::string>& warnings);

}  // namespace tilepool
