#include "export/review_cells.h"

#include <algorithm>
#include <cmath>

#include "common/base/error.h"
#include "common/base/log.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

void take_scores(const ResultsReader& results, const fs::path& path, std::vector<float>& scores) {
  const h5::File file = h5::File::open(path);
  if (!file.has_attribute("format") || file.text("format") != "tilepool-scores") return;
  if (file.text("job_id") != results.job_id()) {
    log_warning("review: {} is of another job, its scores are left out; classify the run again",
                path.string());
    return;
  }
  const h5::Dataset column = file.open_dataset("cells/score");
  check(column.rows() == results.n_cells(), ErrorCode::kHdf5,
        "{}: {} rows, but the run has {} cells; classify it again", column.where(), column.rows(),
        results.n_cells());
  std::vector<float> own(results.n_cells());
  if (!own.empty()) column.read(0, std::span<float>(own));
  if (scores.empty()) scores.assign(own.size(), std::nanf(""));
  for (std::size_t i = 0; i < own.size(); ++i)
    if (!std::isnan(own[i])) scores[i] = own[i];
}

}  // namespace

CellChoice::CellChoice(const ResultsReader& results, std::uint64_t most) {
  if (results.n_cells() <= most) return;
  auto uids = results.rows<std::uint64_t>("cells/uid", 0, results.n_cells());
  const auto last = uids.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::nth_element(uids.begin(), last, uids.end());
  greatest_ = *last;
}

std::vector<float> read_scores(const ResultsReader& results, const fs::path& folder) {
  std::vector<float> scores;
  if (!fs::is_directory(folder)) return scores;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".h5" && !entry.path().filename().string().starts_with('.'))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) take_scores(results, file, scores);
  return scores;
}

}  // namespace tilepool
