#include "run_classifiers.h"

#include <utility>

#include "classifier/classify.h"
#include "classifier/score_results.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/text.h"

namespace tilepool {
RunClassifiers::RunClassifiers(const Options& options, const std::filesystem::path& folder,
                               const TaskSchema& schema) {
  if (options.task != TaskKind::kSegment) return;
  for (const CellClass& one : options.segment.classes) {
    if (!one.classifier) continue;
    const std::filesystem::path file = folder / *one.classifier;
    StoredModel stored = read_model(file);
    const Model& model = stored.model;
    check(model.class_name == one.name, ErrorCode::kConfig,
          "/task/classes: class \"{}\" names the classifier {}, which is of class \"{}\"",
          printable_utf8(one.name), file.string(), printable_utf8(model.class_name));
    check_features(schema.cell_features, model, file);
    files_.push_back(file);
    models_.push_back(std::move(stored));
  }
}

void RunClassifiers::check_pipeline(const std::string& pipeline_id) const {
  for (std::size_t i = 0; i < models_.size(); ++i)
    check(models_[i].model.pipeline_id == pipeline_id, ErrorCode::kConfig,
          "the classifier {} is of pipeline {}, this run of {}: other slides, or cells found in "
          "another way. Leave it out and use tilepool classify --any-pipeline to take it all the "
          "same",
          files_[i].string(), printable_utf8(models_[i].model.pipeline_id), pipeline_id);
}

bool RunClassifiers::scored(const std::filesystem::path& results_file) const {
  return classifiers_of(results_file) == classifiers_text(models_);
}

void RunClassifiers::score(const std::filesystem::path& results_file) const {
  if (models_.empty()) return;
  for (const SlideScores& sum : score_results(results_file, models_, cpu_cores_granted()))
    log_info("classifier of {}: {} of {} cells are a yes", printable_utf8(sum.id), sum.n_yes,
             sum.n_cells);
}

}  // namespace tilepool
