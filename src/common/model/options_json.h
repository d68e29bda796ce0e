#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/options.h"

namespace tilepool {

/// One thing that is wrong with a configuration.
struct ConfigProblem {
  std::string pointer;  ///< JSON pointer of the value, e.g. "/sample/fraction"
  std::string message;  ///< found, expected, remedy; one line
};

struct LoadedConfig {
  Options options;
  std::string source_path;  ///< the file as the person named it
};

/// Reads a configuration file (JSON, // comments) and lays `sets` ("/json/pointer=value", the value
/// JSON or else text) over it. Relative slide paths are relative to the file's folder; they are not
/// resolved here.
/// Throws Error(kConfig) whose message lists every problem, one a line, each as
/// `FILE at /pointer: problem` (a value from `sets`: `--set at /pointer: problem`); a syntax error
/// names line and column. Error(kNoInput) when there is no such file, Error(kIo) when unreadable.
[[nodiscard]] LoadedConfig load_config(const std::filesystem::path& path,
                                       const std::vector<std::string>& sets);

/// Every key, resolved, in the order of the schema; indented JSON. options_from_json reads it back
/// to an equal value.
[[nodiscard]] std::string options_to_json(const Options& options);
/// Throws Error(kConfig) like load_config.
[[nodiscard]] Options options_from_json(std::string_view text);

/// The keys that can change results as compact JSON text, the same bytes for equal options: not
/// slides (their ids, mpp and fingerprints are the caller's to add), memory, workers, output, run.
/// Without the sample section it identifies the pipeline.
[[nodiscard]] std::string result_identity_json(const Options& options, bool with_sample);

/// What differs between two identities, one key an element: "/tiles/size_px: 512 -> 1024".
[[nodiscard]] std::vector<std::string> differing_keys(const std::string& identity_a,
                                                      const std::string& identity_b);

/// Whether two identities differ, and in nothing but the sample's fraction or count.
[[nodiscard]] bool differs_only_in_sample_size(const std::string& identity_a,
                                               const std::string& identity_b);

/// A configuration with every key at its default and a comment on each (configs/reference.jsonc).
[[nodiscard]] std::string reference_config();
/// The table of all keys in Markdown (docs/configuration.md).
[[nodiscard]] std::string configuration_table();

}  // namespace tilepool
