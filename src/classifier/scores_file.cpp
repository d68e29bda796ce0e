#include "classifier/scores_file.h"

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kChunkRows = 65536;

template <h5::Element T>
h5::Dataset create_column(h5::File& file, const char* name, std::uint64_t rows) {
  return file.create_dataset<T>(name, {rows},
                                h5::column_layout(rows, kChunkRows, {h5::FilterKind::kGzip, 1}));
}

}  // namespace

ScoresWriter::ScoresWriter(const std::filesystem::path& file, const ScoresHead& head,
                           std::uint64_t n_cells)
    : place_(file),
      file_(h5::File::create(place_.temp())),
      uid_(create_column<std::uint64_t>(file_, "cells/uid", n_cells)),
      score_(create_column<float>(file_, "cells/score", n_cells)),
      decision_(create_column<std::uint8_t>(file_, "cells/decision", n_cells)),
      n_cells_(n_cells) {
  file_.set_text("format", "tilepool-scores");
  file_.set_text("format_version", "1.0");
  file_.set_text("job_id", head.job_id);
  file_.set_text("pipeline_id", head.pipeline_id);
  file_.set_text("class", head.class_name);
  file_.set_text("model", head.model_hash);
  file_.set_text("model_pipeline_id", head.model_pipeline_id);
  file_.set<double>("threshold", head.threshold);
}

void ScoresWriter::append(std::span<const std::uint64_t> uid, std::span<const float> score,
                          std::span<const std::uint8_t> decision) {
  check(uid.size() == score.size() && uid.size() == decision.size(), ErrorCode::kInternal,
        "scores: columns of {}, {} and {} rows", uid.size(), score.size(), decision.size());
  if (uid.empty()) return;
  uid_.write(written_, uid);
  score_.write(written_, score);
  decision_.write(written_, decision);
  written_ += uid.size();
}

void ScoresWriter::close(std::span<const SlideScores> slides) {
  check(written_ == n_cells_, ErrorCode::kInternal, "scores: {} of {} rows written", written_,
        n_cells_);
  for (h5::Dataset* const column : {&uid_, &score_, &decision_}) column->close();
  std::vector<std::string> ids;
  std::vector<std::uint64_t> cells;
  std::vector<std::uint64_t> yes;
  for (const SlideScores& slide : slides) {
    ids.push_back(slide.id);
    cells.push_back(slide.n_cells);
    yes.push_back(slide.n_yes);
  }
  file_.write_texts("slides/id", ids);
  file_.write_column<std::uint64_t>("slides/n_cells", cells);
  file_.write_column<std::uint64_t>("slides/n_yes", yes);
  file_.close();
  place_.commit();
}

}  // namespace tilepool
