#include "classifier/cell_lookup.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/base/error.h"
#include "common/base/text.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kPiece = 1U << 20;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + printable_utf8(name);
  return text;
}

}  // namespace

std::unordered_map<std::uint64_t, CellPlace> find_cells(const ResultsReader& results,
                                                        const std::set<std::uint64_t>& uids) {
  std::unordered_map<std::uint64_t, CellPlace> found;
  for (std::uint64_t first = 0; first < results.n_cells(); first += kPiece) {
    const std::uint64_t count = std::min(kPiece, results.n_cells() - first);
    const auto piece = results.rows<std::uint64_t>("cells/uid", first, count);
    std::vector<std::uint64_t> hits;
    for (std::uint64_t i = 0; i < count; ++i)
      if (uids.contains(piece[i])) hits.push_back(i);
    if (hits.empty()) continue;
    const auto sample = results.rows<std::uint64_t>("cells/sample", first, count);
    const auto slide = results.rows<std::uint32_t>("cells/slide", first, count);
    const auto class_index = results.rows<std::uint8_t>("cells/class", first, count);
    for (const std::uint64_t i : hits) {
      check(slide[i] < results.slides().size(), ErrorCode::kHdf5,
            "results.h5: cell {} is of slide {} of {}", first + i, slide[i],
            results.slides().size());
      found.emplace(piece[i], CellPlace{first + i, sample[i], slide[i], class_index[i]});
    }
  }
  return found;
}

std::vector<float> feature_rows(const ResultsReader& results,
                                const std::vector<std::string>& features, std::uint64_t first,
                                std::uint64_t count) {
  std::vector<float> rows(count * features.size());
  for (std::size_t feature = 0; feature < features.size(); ++feature) {
    const auto column = results.rows<float>("cells/" + features[feature], first, count);
    for (std::uint64_t i = 0; i < count; ++i)
      rows[i * features.size() + feature] =
          std::isfinite(column[i]) ? column[i] : std::numeric_limits<float>::quiet_NaN();
  }
  return rows;
}

std::uint8_t class_index_of(const ResultsReader& results, const std::string& class_name) {
  check(results.has_cells() && !results.cell_features().empty(), ErrorCode::kNoInput,
        "this run has no cells with features, so nothing to classify; it takes /task/kind "
        "\"segment\"");
  const auto& classes = results.classes();
  const auto found = std::ranges::find(classes, class_name);
  if (found != classes.end()) return static_cast<std::uint8_t>(found - classes.begin());
  const auto meant = nearest_of(class_name, classes);
  fail(ErrorCode::kUsage, "class \"{}\" is not in this run, which has: {}{}",
       printable_utf8(class_name), listed(classes),
       meant ? fmt::format("; did you mean {}?", printable_utf8(*meant)) : "");
}

}  // namespace tilepool
