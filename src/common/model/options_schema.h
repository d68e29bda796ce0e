#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/model/options.h"
#include "common/model/options_json.h"

namespace tilepool {

using Json = nlohmann::ordered_json;

/// What a key's value changes.
enum class KeyEffect {
  kNone,     ///< where and how fast the job runs, how the file is stored
  kCohort,   ///< the slides: they enter a job by their ids and fingerprints, not by how they are
             ///< named
  kResults,  ///< the results: part of the result identity
  kSample,   ///< which tiles are drawn: part of the result identity, not of the pipeline's
};

/// How a key reads in the reference file and in the documentation.
struct KeyInfo {
  std::string pointer;  ///< "/tiles/size_px"; in a list's elements "/slides/*/path"
  std::string doc;      ///< one sentence
  std::string unit;     ///< "px", "um/px", ...; empty: none
  KeyEffect effect = KeyEffect::kNone;
  std::string type;   ///< "integer", "number or null", "one of", ...
  std::string range;  ///< "[16, 32768]", "otsu, hsv, ..."; empty: anything of that type
};

/// One key bound to a member of `Target` (Options, SlideEntry or CellClass).
template <class Target>
struct Key {
  KeyInfo info;
  std::function<Json(const Target&)> get;
  /// Sets the member from `value`, or adds to `problems` what is wrong with it at `pointer`.
  std::function<void(Target& target, const Json& value, const std::string& pointer,
                     std::vector<ConfigProblem>& problems)>
      set;
};

/// The keys of a configuration: the one place that names them. Sections are contiguous.
[[nodiscard]] const std::vector<Key<Options>>& option_keys();
/// The keys of an object in "slides".
[[nodiscard]] const std::vector<Key<SlideEntry>>& slide_keys();
/// The keys of an object in "/task/classes".
[[nodiscard]] const std::vector<Key<CellClass>>& class_keys();

/// All of them in order, list elements after their list.
[[nodiscard]] const std::vector<KeyInfo>& key_infos();

/// Binds the members of the JSON object `value`, found at `prefix`, to `target`. Unknown keys are
/// problems that suggest the nearest key.
template <class Target>
void bind_object(const Json& value, const std::string& prefix, const std::vector<Key<Target>>& keys,
                 Target& target, std::vector<ConfigProblem>& problems);

/// Problems that only several keys together have.
void cross_check(const Options& options, std::vector<ConfigProblem>& problems);

}  // namespace tilepool
