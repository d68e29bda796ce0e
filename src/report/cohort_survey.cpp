#include "report/cohort_survey.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "common/base/error.h"
#include "common/run/cell_scores.h"
#include "common/run/results_reader.h"
#include "report/cell_grid.h"

namespace tilepool {
namespace {

constexpr std::uint64_t kBlock = 65536;

double area_mm2(const PlanSlide& slide, const PoolTile& tile) {
  return static_cast<double>(tile.w) * slide.mpp_x * static_cast<double>(tile.h) * slide.mpp_y *
         1e-6;
}

/// Makes survey.groups; the index of each slide's group.
std::vector<std::size_t> take_groups(const RunView& view, CohortSurvey& survey) {
  std::map<std::string, std::uint64_t> sizes;
  for (const SlideView& slide : view.slides) ++sizes[slide.plan.group];
  std::vector<std::string> names;
  names.reserve(sizes.size());
  for (const auto& [name, size] : sizes) names.push_back(name);
  if (names.size() > kMostSlideGroups) {
    survey.n_groups_joined = names.size() - kMostSlideGroups + 1;
    std::stable_sort(names.begin(), names.end(),
                     [&](const auto& a, const auto& b) { return sizes[a] > sizes[b]; });
    names.resize(kMostSlideGroups - 1);
    std::sort(names.begin(), names.end());
  }
  survey.groups.resize(names.size() + (survey.n_groups_joined > 0 ? 1 : 0));
  for (std::size_t i = 0; i < names.size(); ++i) survey.groups[i].name = names[i];
  std::vector<std::size_t> group_of;
  for (const SlideView& slide : view.slides) {
    const auto found = std::find(names.begin(), names.end(), slide.plan.group);
    group_of.push_back(static_cast<std::size_t>(found - names.begin()));
    SlideGroup& group = survey.groups[group_of.back()];
    if (slide.plan.n_pool > 0) group.pooled.add(static_cast<double>(slide.plan.n_pool));
  }
  return group_of;
}

std::vector<PoolTile> sampled_tiles(const RunView& view, const SlideView& slide) {
  return view.plan->sample_tiles(slide.sample_first,
                                 static_cast<std::uint64_t>(slide.plan.n_sample));
}

/// The cells of results.h5, slide by slide.
class CellReader {
 public:
  CellReader(const RunLayout& layout, const RunView& view, CohortSurvey& survey)
      : results_(layout.results()),
        scores_(results_, layout.classified_dir()),
        view_(view),
        survey_(survey) {
    check(results_.slides().size() == view.slides.size() &&
              results_.n_sample() == view.plan->sample_size(),
          ErrorCode::kHdf5, "{}: it has {} slides and {} sampled tiles, the plan {} and {}",
          layout.results().string(), results_.slides().size(), results_.n_sample(),
          view.slides.size(), view.plan->sample_size());
    if (!results_.has_cells()) return;
    survey.classes = results_.classes();
    survey.cell_pictures.resize(view.slides.size());
    const auto& features = results_.cell_features();
    survey.has_areas = std::any_of(features.begin(), features.end(),
                                   [](const FeatureSpec& spec) { return spec.name == "area_um2"; });
    survey.per_mm2 = std::all_of(view.slides.begin(), view.slides.end(), [](const auto& slide) {
      return slide.plan.n_sample == 0 || std::isfinite(slide.plan.mpp_x * slide.plan.mpp_y);
    });
    for (SlideGroup& group : survey.groups) group.classes.resize(survey.classes.size());
    order_ = commonest_first();
  }

  void read(std::size_t index, SlideGroup& group, std::size_t picture_bytes) {
    const SlideView& slide = view_.slides[index];
    if (survey_.classes.empty() || slide.plan.n_sample == 0) return;
    CellGrid grid(slide.plan.width, slide.plan.height, survey_.classes.size());
    const auto n_sample = static_cast<std::size_t>(slide.plan.n_sample);
    per_tile_.assign(survey_.classes.size(), std::vector<std::uint32_t>(n_sample, 0));
    const ResultsSlide& row = results_.slides()[index];
    const auto n_cells = static_cast<std::uint64_t>(row.n_cells);
    for (std::uint64_t at = 0; at < n_cells; at += kBlock)
      read_block(row, row.cell_first + at, std::min(kBlock, n_cells - at), group, grid);
    take_tiles(slide, row, group);
    if (n_cells > 0) survey_.cell_pictures[index] = grid.picture(order_, picture_bytes);
  }

 private:
  /// The same for all slides, so that a colour means the same on each: rare cells are on top.
  [[nodiscard]] std::vector<std::size_t> commonest_first() const {
    std::vector<std::uint64_t> totals(256, 0);
    for (std::uint64_t at = 0; at < results_.n_cells(); at += kBlock) {
      const std::uint64_t count = std::min(kBlock, results_.n_cells() - at);
      for (const std::uint8_t c : results_.rows<std::uint8_t>("cells/class", at, count))
        ++totals[c];
    }
    std::vector<std::size_t> order(survey_.classes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return totals[a] > totals[b]; });
    return order;
  }

  void read_block(const ResultsSlide& row, std::uint64_t first, std::uint64_t count,
                  SlideGroup& group, CellGrid& grid) {
    const auto x = results_.rows<double>("cells/x", first, count);
    const auto y = results_.rows<double>("cells/y", first, count);
    const auto class_index = results_.rows<std::uint8_t>("cells/class", first, count);
    const auto sample = results_.rows<std::uint64_t>("cells/sample", first, count);
    const auto area = survey_.has_areas ? results_.rows<float>("cells/area_um2", first, count)
                                        : std::vector<float>();
    std::vector<float> score(count);
    std::vector<std::uint8_t> decision(count);
    scores_.read(first, score, decision);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t tile = sample[i] - row.sample_first;
      check(class_index[i] < survey_.classes.size() && tile < per_tile_[0].size(), ErrorCode::kHdf5,
            "results.h5: cell {} is of no class or tile of its slide", first + i);
      GroupClass& of_class = group.classes[class_index[i]];
      of_class.n_scored += decision[i] == kUnscored ? 0 : 1;
      of_class.n_yes += decision[i] == kYes ? 1 : 0;
      grid.add(x[i], y[i], class_index[i]);
      ++per_tile_[class_index[i]][tile];
      if (survey_.has_areas && area[i] > 0) of_class.area_um2.add(static_cast<double>(area[i]));
    }
  }

  void take_tiles(const SlideView& slide, const ResultsSlide& row, SlideGroup& group) {
    const auto n_sample = static_cast<std::uint64_t>(slide.plan.n_sample);
    const auto status = results_.rows<std::uint8_t>("sample/status", row.sample_first, n_sample);
    const std::vector<PoolTile> tiles = sampled_tiles(view_, slide);
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      if (static_cast<TileStatus>(status[t]) != TileStatus::kDone) continue;
      const double tissue_mm2 =
          area_mm2(slide.plan, tiles[t]) * static_cast<double>(tiles[t].tissue_fraction);
      if (survey_.per_mm2 && !(tissue_mm2 > 0)) continue;
      for (std::size_t c = 0; c < survey_.classes.size(); ++c)
        group.classes[c].per_tile.add(per_tile_[c][t] / (survey_.per_mm2 ? tissue_mm2 : 1.0));
    }
  }

  ResultsReader results_;
  CellScores scores_;
  const RunView& view_;
  CohortSurvey& survey_;
  std::vector<std::size_t> order_;                    ///< of the classes, as drawn
  std::vector<std::vector<std::uint32_t>> per_tile_;  ///< [class][tile of the slide]
};

void take_cells(const RunLayout& layout, const RunView& view,
                const std::vector<std::size_t>& group_of, std::size_t picture_bytes,
                CohortSurvey& survey) {
  CellReader reader(layout, view, survey);
  for (std::size_t i = 0; i < view.slides.size(); ++i)
    reader.read(i, survey.groups[group_of[i]], picture_bytes);
}

}  // namespace

CohortSurvey survey_cohort(const RunLayout& layout, RunView& view, std::size_t picture_bytes) {
  CohortSurvey survey;
  const std::vector<std::size_t> group_of = take_groups(view, survey);
  for (std::size_t i = 0; i < view.slides.size(); ++i)
    for (const PoolTile& tile : sampled_tiles(view, view.slides[i]))
      survey.groups[group_of[i]].tissue_fraction.add(static_cast<double>(tile.tissue_fraction));
  if (!view.has_results) return survey;
  try {
    take_cells(layout, view, group_of, picture_bytes, survey);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kHdf5 && error.code() != ErrorCode::kIo) throw;
    view.missing.push_back("the cells: " + one_line(error.what()));
    survey.classes.clear();
    survey.cell_pictures.clear();
  }
  return survey;
}

}  // namespace tilepool
