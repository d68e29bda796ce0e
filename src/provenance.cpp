#include "provenance.h"

#include <filesystem>

#include <fmt/core.h>

#include "cli/versions.h"
#include "common/base/system.h"

namespace tilepool {

std::map<std::string, std::string> provenance(const CommandLine& command) {
  std::map<std::string, std::string> facts;
  facts["config"] = command.config;
  facts["folder"] = std::filesystem::current_path().string();
  for (std::size_t i = 0; i < command.sets.size(); ++i)
    facts[fmt::format("set {}", i + 1)] = command.sets[i];
  facts["tilepool"] = tilepool_version();
  facts["commit"] = git_commit();
  facts["host"] = host_name();
  facts["started"] = iso8601_now();
  for (const auto& [library, version] : library_versions()) facts["version " + library] = version;
  return facts;
}

}  // namespace tilepool
