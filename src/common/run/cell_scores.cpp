#include "common/run/cell_scores.h"

#include <algorithm>
#include <limits>

#include "common/base/error.h"
#include "common/base/log.h"

namespace tilepool {

namespace fs = std::filesystem;

CellScores::CellScores(const ResultsReader& results, const fs::path& folder) {
  if (results.has_scores())
    sources_.push_back({results.column("cells/score"), results.column("cells/decision")});
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".h5" && !entry.path().filename().string().starts_with('.'))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) add_file(results, file);
}

void CellScores::add_file(const ResultsReader& results, const fs::path& path) {
  const h5::File file = h5::File::open(path);
  if (!file.has_attribute("format") || file.text("format") != "tilepool-scores") return;
  if (file.text("job_id") != results.job_id()) {
    log_warning("{} is of another job, its scores are left out; classify the run again",
                path.string());
    return;
  }
  Source source{file.open_dataset("cells/score"), file.open_dataset("cells/decision")};
  for (const h5::Dataset* column : {&source.score, &source.decision})
    check(column->rows() == results.n_cells(), ErrorCode::kHdf5,
          "{}: {} rows, but the run has {} cells; classify it again", column->where(),
          column->rows(), results.n_cells());
  sources_.push_back(std::move(source));
}

void CellScores::read(std::uint64_t first, std::span<float> score,
                      std::span<std::uint8_t> decision) const {
  std::ranges::fill(score, std::numeric_limits<float>::quiet_NaN());
  std::ranges::fill(decision, kUnscored);
  if (score.empty()) return;
  std::vector<float> scores(score.size());
  std::vector<std::uint8_t> decisions(score.size());
  for (const Source& source : sources_) {
    source.score.read(first, std::span(scores));
    source.decision.read(first, std::span(decisions));
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (decisions[i] == kUnscored) continue;
      score[i] = scores[i];
      decision[i] = decisions[i];
    }
  }
}

}  // namespace tilepool
