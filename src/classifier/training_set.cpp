#include "classifier/training_set.h"

#include <algorithm>
#include <map>

#include "common/base/error.h"
#include "report/html.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kPiece = 1U << 16;  ///< rows: a chunk of results.h5

struct LabelledRow {
  CellPlace place;
  bool yes = false;
};

std::vector<LabelledRow> labelled_rows(const Verdicts& verdicts,
                                       const std::unordered_map<std::uint64_t, CellPlace>& cells) {
  std::vector<LabelledRow> rows;
  rows.reserve(verdicts.decided.size());
  for (const auto& [uid, yes] : verdicts.decided) rows.push_back({cells.at(uid), yes});
  std::ranges::sort(rows, {}, [](const LabelledRow& row) { return row.place.row; });
  return rows;
}

}  // namespace

TrainingSet gather(const ResultsReader& results, const Verdicts& verdicts,
                   const std::unordered_map<std::uint64_t, CellPlace>& cells) {
  TrainingSet set;
  for (const FeatureSpec& feature : results.cell_features()) set.features.push_back(feature.name);
  const std::vector<LabelledRow> rows = labelled_rows(verdicts, cells);
  const std::size_t width = set.features.size();
  for (std::size_t begin = 0; begin < rows.size();) {
    const std::uint64_t first = rows[begin].place.row;
    const std::uint64_t piece_end = (first / kPiece + 1) * kPiece;
    std::size_t end = begin;
    while (end < rows.size() && rows[end].place.row < piece_end) ++end;
    const auto values =
        feature_rows(results, set.features, first, rows[end - 1].place.row - first + 1);
    for (; begin < end; ++begin) {
      const LabelledRow& row = rows[begin];
      const auto at = values.begin() + static_cast<std::ptrdiff_t>((row.place.row - first) * width);
      set.values.insert(set.values.end(), at, at + static_cast<std::ptrdiff_t>(width));
      set.yes.push_back(row.yes ? 1 : 0);
      set.slide.push_back(row.place.slide);
      set.sample.push_back(row.place.sample);
    }
  }
  return set;
}

Groups groups_of(const TrainingSet& set, Grouping grouping) {
  Groups groups;
  std::map<std::uint64_t, std::uint32_t> number;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const std::uint64_t key = grouping == Grouping::kSlide ? set.slide[i] : set.sample[i];
    const auto [there, added] =
        number.emplace(key, static_cast<std::uint32_t>(groups.counts.size()));
    if (added) groups.counts.emplace_back();
    groups.of_row.push_back(there->second);
    GroupCounts& counts = groups.counts[there->second];
    ++(set.yes[i] != 0 ? counts.n_yes : counts.n_no);
  }
  return groups;
}

void check_trainable(const Verdicts& verdicts, const Groups& groups, Grouping grouping) {
  check(verdicts.n_yes >= kFewestLabels && verdicts.n_no >= kFewestLabels, ErrorCode::kConfig,
        "{} cells are labelled yes and {} no ({} unsure and {} tied are left out); training needs "
        "at least {} of each: label more cells",
        verdicts.n_yes, verdicts.n_no, verdicts.n_unsure, verdicts.n_tied, kFewestLabels);
  if (can_be_folded(groups.counts)) return;
  const std::string word = word_of(grouping);
  const auto with = [&](std::uint64_t GroupCounts::*kind) {
    const auto n =
        std::ranges::count_if(groups.counts, [&](const GroupCounts& one) { return one.*kind > 0; });
    return counted(static_cast<std::uint64_t>(n), word);
  };
  fail(
      ErrorCode::kConfig,
      "yes is on {} and no on {}, and cross-validation by {} needs both on at least two: label "
      "cells of another {}{}",
      with(&GroupCounts::n_yes), with(&GroupCounts::n_no), word, word,
      grouping == Grouping::kSlide
          ? ", or part the labels by tile with --group-by tile, which shows a model better than it "
            "is on a slide that it has not seen"
          : "");
}

}  // namespace tilepool
