#include "common/run/run_json.h"

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/model/options_json.h"
#include "common/run/atomic_file.h"

namespace tilepool {

using Json = nlohmann::ordered_json;

namespace {

/// Nothing that we wrote is nested deeper, and what walks a document recursively can do it.
constexpr int kMaxDepth = 64;

Json parse_shallow(const std::filesystem::path& file) {
  return Json::parse(read_file(file), [&](int depth, Json::parse_event_t, Json&) {
    check(depth <= kMaxDepth, ErrorCode::kIo,
          "{} is damaged: it is nested too deep; start afresh "
          "with --fresh",
          file.string());
    return true;
  });
}

}  // namespace

void write_run_json(const std::filesystem::path& file, const RunDescription& run) {
  Json cohort = Json::array();
  for (const SlideSpec& slide : run.cohort) {
    Json entry = {{"id", slide.id}, {"path", slide.path}, {"group", slide.group}};
    entry["mpp"] = slide.mpp ? Json(*slide.mpp) : Json(nullptr);
    if (!slide.problem.empty()) entry["problem"] = slide.problem;
    if (!slide.annotations.empty()) entry["annotations"] = slide.annotations;
    cohort.push_back(std::move(entry));
  }
  const Json document = {{"format", "tilepool-run"},
                         {"provenance", run.provenance},
                         {"config", Json::parse(options_to_json(run.options))},
                         {"cohort", std::move(cohort)}};
  write_file_atomically(file, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

RunDescription read_run_json(const std::filesystem::path& file) {
  RunDescription run;
  try {
    const Json document = parse_shallow(file);
    check(document.at("format") == "tilepool-run", ErrorCode::kIo, "{} is not a tilepool run",
          file.string());
    run.options = options_from_json(document.at("config").dump());
    document.at("provenance").get_to(run.provenance);
    for (const Json& entry : document.at("cohort")) {
      SlideSpec& slide = run.cohort.emplace_back();
      entry.at("id").get_to(slide.id);
      entry.at("path").get_to(slide.path);
      entry.at("group").get_to(slide.group);
      if (!entry.at("mpp").is_null()) slide.mpp = entry.at("mpp").get<double>();
      slide.problem = entry.value("problem", "");
      slide.annotations = entry.value("annotations", "");
    }
  } catch (const Json::exception& error) {
    fail(ErrorCode::kIo, "{} is damaged: {}; start afresh with --fresh", file.string(),
         one_line(error.what()));
  }
  return run;
}

}  // namespace tilepool
