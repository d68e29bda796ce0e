#include "run_classifiers.h"

#include <utility>

#include "classifier/classify.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/text.h"

namespace tilepool {
RunClassifiers::RunClassifiers(const Options& options, const std::filesystem::path& folder,
                               const TaskSchema& schema, RunLayout layout)
    : layout_(std::move(layout)) {
  if (options.task != TaskKind::kSegment) return;
  for (const CellClass& one : options.segment.classes) {
    if (!one.classifier) continue;
    const std::filesystem::path file = folder / *one.classifier;
    const Model model = read_model(file).model;
    check(model.class_name == one.name, ErrorCode::kConfig,
          "/task/classes: class \"{}\" names the classifier {}, which is of class \"{}\"",
          printable_utf8(one.name), file.string(), printable_utf8(model.class_name));
    check_features(schema.cell_features, model, file);
    entries_.push_back({file, one.name, model.pipeline_id});
  }
}

void RunClassifiers::check_pipeline(const std::string& pipeline_id) const {
  for (const Entry& one : entries_)
    check(one.pipeline_id == pipeline_id, ErrorCode::kConfig,
          "the classifier {} is of pipeline {}, this run of {}: other slides, or cells found in "
          "another way. Leave it out and use tilepool classify --any-pipeline to take it all the "
          "same",
          one.file.string(), printable_utf8(one.pipeline_id), pipeline_id);
}

void RunClassifiers::classify_run() const {
  for (const Entry& one : entries_) {
    const Classified done = classify({.results = layout_.results(),
                                      .model = one.file,
                                      .out = {},
                                      .any_pipeline = false,
                                      .threads = cpu_cores_granted()});
    std::uint64_t cells = 0;
    std::uint64_t yes = 0;
    for (const SlideScores& slide : done.slides) {
      cells += slide.n_cells;
      yes += slide.n_yes;
    }
    log_info("classifier of {}: {} of {} cells are a yes; {}", printable_utf8(one.class_name), yes,
             cells, done.file.string());
  }
}

}  // namespace tilepool
