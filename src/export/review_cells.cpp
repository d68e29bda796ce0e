#include "export/review_cells.h"

#include <algorithm>

namespace tilepool {
CellChoice::CellChoice(const ResultsReader& results, std::uint64_t most) {
  if (results.n_cells() <= most) return;
  auto uids = results.rows<std::uint64_t>("cells/uid", 0, results.n_cells());
  const auto last = uids.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::nth_element(uids.begin(), last, uids.end());
  greatest_ = *last;
}

}  // namespace tilepool
