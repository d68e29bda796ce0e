#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// run.json: what the run is, resolved once by the master and read by every worker.
struct RunDescription {
  Options options;
  std::vector<SlideSpec> cohort;                  ///< ordered by id, globs expanded
  std::map<std::string, std::string> provenance;  ///< argv, versions, git commit, hosts, started
};

/// Commits run.json atomically.
void write_run_json(const std::filesystem::path& file, const RunDescription& run);
/// Throws Error(kIo) when it cannot be read or is no run.json of this program.
[[nodiscard]] RunDescription read_run_json(const std::filesystem::path& file);

}  // namespace tilepool
