#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "classifier/booster.h"
#include "classifier/evaluation.h"
#include "classifier/folds.h"
#include "classifier/metrics.h"
#include "classifier/model_file.h"
#include "classifier/page_chart.h"
#include "common/run/atomic_file.h"
#include "common/run/temporary_folder.h"
#include "support/error_of.h"

namespace tilepool {
namespace {

using testing::error_of;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// --- folds
// ----------------------------------------------------------------------------------------

TEST(Folds, AreMadeWhereBothKindsAreInTwoGroups) {
  EXPECT_TRUE(can_be_folded(std::vector<GroupCounts>{{1, 1}, {1, 1}}));
  EXPECT_TRUE(can_be_folded(std::vector<GroupCounts>{{5, 0}, {0, 5}, {1, 1}}));
  EXPECT_FALSE(can_be_folded(std::vector<GroupCounts>{{5, 5}}));
  EXPECT_FALSE(can_be_folded(std::vector<GroupCounts>{{5, 0}, {1, 5}}));
  EXPECT_FALSE(can_be_folded(std::vector<GroupCounts>{}));
}

// Every group is in one fold by construction; what could go wrong is a fold without a rest to train
// on, an empty one, or a lopsided one.
TEST(Folds, LeaveBothKindsOnEachSide) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<GroupCounts> groups(2 + random() % 12);
    for (GroupCounts& one : groups)
      one = {random() % 3 == 0 ? 0 : random() % 50, random() % 3 == 0 ? 0 : random() % 50};
    std::erase_if(groups, [](const GroupCounts& one) { return one.n() == 0; });
    if (!can_be_folded(groups)) continue;
    const std::vector<int> fold_of = assign_folds(groups);
    ASSERT_EQ(fold_of.size(), groups.size());
    EXPECT_EQ(assign_folds(groups), fold_of);
    GroupCounts all;
    std::vector<GroupCounts> folds(static_cast<std::size_t>(fold_count(groups)));
    for (std::size_t i = 0; i < groups.size(); ++i)
      for (GroupCounts* const sum : {&all, &folds.at(static_cast<std::size_t>(fold_of[i]))}) {
        sum->n_yes += groups[i].n_yes;
        sum->n_no += groups[i].n_no;
      }
    for (const GroupCounts& fold : folds) {
      EXPECT_GT(fold.n(), 0U);
      EXPECT_LT(fold.n_yes, all.n_yes);
      EXPECT_LT(fold.n_no, all.n_no);
    }
  }
}

TEST(Folds, AreEvenForEqualGroups) {
  const std::vector<GroupCounts> groups(20, {3, 7});
  const std::vector<int> fold_of = assign_folds(groups);
  for (int fold = 0; fold < 5; ++fold) EXPECT_EQ(std::ranges::count(fold_of, fold), 4);
}

// --- metrics
// --------------------------------------------------------------------------------------

/// yes at 0.9 0.8 0.6 0.2, no at 0.7 0.6 0.3 0.1: worked out by hand below.
std::vector<ScoredLabel> example() {
  return by_score({{0.9F, true, 0},
                   {0.7F, false, 0},
                   {0.8F, true, 1},
                   {0.6F, false, 1},
                   {0.6F, true, 2},
                   {0.3F, false, 2},
                   {0.2F, true, 3},
                   {0.1F, false, 3}});
}

TEST(Metrics, AreThoseByHand) {
  const MetricValues values = metrics_of(example(), 0.5);
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kAccuracy), 5.0 / 8);
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kPrecision), 3.0 / 5);
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kRecall), 3.0 / 4);
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kF1), 2.0 / 3);
  // Pairs in order: 0.9 and 0.8 above 4, 0.6 above 2 and even with one, 0.2 above 1.
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kAuroc), (4 + 4 + 2.5 + 1) / 16);
  // Precision where yes comes: 1/1, 2/2, 3/5 (with the tie), 4/7.
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kAveragePrecision), (1 + 1 + 3.0 / 5 + 4.0 / 7) / 4);
}

TEST(Metrics, CountingThresholdCallsAsManyYesAsAre) {
  const auto threshold = [](std::vector<ScoredLabel> labels) {
    return counting_threshold(by_score(std::move(labels)));
  };
  // Three are yes; the three highest scores end at 0.6.
  EXPECT_EQ(threshold({{0.9F, true, 0}, {0.7F, false, 0}, {0.6F, true, 0}, {0.2F, true, 0}}), 0.6F);
  // Two are yes, and 0.5 stands twice: one called or three. The higher score wins.
  EXPECT_EQ(threshold({{0.9F, false, 0}, {0.5F, true, 0}, {0.5F, true, 0}}), 0.9F);
  EXPECT_EQ(threshold({{0.8F, false, 0}, {0.3F, false, 0}}), 1);
  EXPECT_EQ(threshold({{0.4F, true, 0}, {0.3F, true, 0}}), 0.3F);
  EXPECT_EQ(threshold({}), 1);
}

TEST(Metrics, CountWeights) {
  const std::vector<double> weight = {2, 0, 1, 0};
  const std::vector<ScoredLabel> repeated = by_score({{0.9F, true, 0},
                                                      {0.9F, true, 0},
                                                      {0.7F, false, 0},
                                                      {0.7F, false, 0},
                                                      {0.6F, true, 0},
                                                      {0.3F, false, 0}});
  EXPECT_EQ(metrics_of(example(), 0.5, weight), metrics_of(repeated, 0.5));
}

TEST(Metrics, AreUndefinedWhereNothingIsCounted) {
  const std::vector<ScoredLabel> none = {{0.1F, true, 0}, {0.05F, false, 0}};
  const MetricValues values = metrics_of(none, 0.5);
  EXPECT_TRUE(std::isnan(value_of(values, Metric::kPrecision)));
  EXPECT_DOUBLE_EQ(value_of(values, Metric::kRecall), 0);
  EXPECT_EQ(missed_gates(values),
            (std::vector<std::string>{"accuracy 0.500 is below 0.75", "precision is undefined",
                                      "recall 0.000 is below 0.70"}));
  const std::vector<ScoredLabel> only_yes = {{0.9F, true, 0}};
  EXPECT_TRUE(std::isnan(value_of(metrics_of(only_yes, 0.5), Metric::kAuroc)));
}

TEST(Metrics, PassTheirGatesAtTheLimit) {
  EXPECT_TRUE(missed_gates({0.75, 0.70, 0.70, 0, 0, 0}).empty());
  EXPECT_EQ(missed_gates({0.75, 0.699, 0.70, 0, 0, 0}),
            std::vector<std::string>{"precision 0.699 is below 0.70"});
}

TEST(Metrics, CurveAndBins) {
  const auto curve = precision_recall(example());
  ASSERT_EQ(curve.size(), 7U);
  EXPECT_DOUBLE_EQ(curve[3].recall, 0.75);
  EXPECT_DOUBLE_EQ(curve[3].precision, 0.6);
  EXPECT_DOUBLE_EQ(curve.back().recall, 1);
  const auto bins = calibration(example());
  EXPECT_EQ(bins[6].n, 3U);  // 0.7 as a float lies below 0.7
  EXPECT_DOUBLE_EQ(bins[6].yes_share, 1.0 / 3);
  EXPECT_NEAR(bins[6].mean_score, 1.9 / 3, 1e-6);
  EXPECT_EQ(bins[0].n, 0U);
  const std::vector<ScoredLabel> one = {{1.0F, true, 0}};
  EXPECT_EQ(calibration(one)[9].n, 1U);
}

// With z^2 = 3.8415: 0 of 10 ends at z^2 / (10 + z^2); 5 of 10 is 0.5 -+ z sqrt(0.025 + z^2 / 400)
// / (1 + z^2 / 10).
TEST(Metrics, WilsonIntervals) {
  EXPECT_NEAR(wilson_interval(0, 10).low, 0, 1e-12);
  EXPECT_NEAR(wilson_interval(0, 10).high, 0.2775, 5e-5);
  EXPECT_NEAR(wilson_interval(0.5, 10).low, 0.2366, 5e-5);
  EXPECT_NEAR(wilson_interval(0.5, 10).high, 0.7634, 5e-5);
}

TEST(Bootstrap, DependsOnLabelsAndSeedOnly) {
  std::vector<ScoredLabel> labels;
  std::mt19937_64 random(3);
  for (std::uint32_t i = 0; i < 400; ++i) {
    const bool yes = random() % 2 == 0;
    const auto noise = static_cast<float>(random() % 1000) / 1000;
    labels.push_back({0.6F * noise + (yes ? 0.4F : 0.0F), yes, i / 20});
  }
  labels = by_score(std::move(labels));
  const auto intervals = bootstrap_intervals(labels, 0.5, 20, 7);
  const auto again = bootstrap_intervals(labels, 0.5, 20, 7);
  const auto other = bootstrap_intervals(labels, 0.5, 20, 8);
  const MetricValues values = metrics_of(labels, 0.5);
  bool differs = false;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    EXPECT_EQ(intervals[i].low, again[i].low);
    EXPECT_EQ(intervals[i].high, again[i].high);
    EXPECT_LT(intervals[i].low, values[i]);
    EXPECT_GT(intervals[i].high, values[i]);
    differs = differs || intervals[i].low != other[i].low;
  }
  EXPECT_TRUE(differs);
}

// A label is one group of its own: the interval of a share of n has a standard error of
// sqrt(p (1 - p) / n), here 0.02.
TEST(Bootstrap, IsAsWideAsTheBinomial) {
  std::vector<ScoredLabel> labels;
  for (std::uint32_t i = 0; i < 400; ++i) labels.push_back({i % 5 == 0 ? 0.1F : 0.9F, true, i});
  labels = by_score(std::move(labels));
  const Interval recall =
      bootstrap_intervals(labels, 0.5, 400, 1)[static_cast<std::size_t>(Metric::kRecall)];
  EXPECT_NEAR(recall.low, 0.8 - 1.96 * 0.02, 0.006);
  EXPECT_NEAR(recall.high, 0.8 + 1.96 * 0.02, 0.006);
}

// --- models
// ---------------------------------------------------------------------------------------

const std::vector<std::string> kFeatures = {"a", "b", "c"};

struct Example {
  std::vector<float> values;
  std::vector<std::uint8_t> yes;
  [[nodiscard]] FeatureRows rows() const { return {values, kFeatures.size()}; }
};

/// "b" tells; one value in ten is missing.
Example separable(std::size_t n) {
  Example data;
  std::mt19937_64 random(2);
  const auto uniform = [&] { return static_cast<float>(random() % 10000) / 10000; };
  for (std::size_t i = 0; i < n; ++i) {
    const bool yes = random() % 3 == 0;
    const float tells = uniform() + (yes ? 0.8F : 0.0F);
    data.values.insert(data.values.end(),
                       {uniform(), random() % 10 == 0 ? kNan : tells, uniform()});
    data.yes.push_back(yes ? 1 : 0);
  }
  return data;
}

TEST(Model, IsTheSameEachTimeAndSurvivesItsFile) {
  const Example data = separable(300);
  for (const ModelKind kind : {ModelKind::kBoosting, ModelKind::kForest}) {
    const Recipe recipe{kind, 5};
    const Booster first = Booster::train(data.rows(), data.yes, kFeatures, recipe);
    const Booster second = Booster::train(data.rows(), data.yes, kFeatures, recipe);
    EXPECT_EQ(first.json(), second.json());
    EXPECT_NE(first.json(), Booster::train(data.rows(), data.yes, kFeatures, {kind, 6}).json());
    const auto scores = first.scores(data.rows(), 1);
    EXPECT_EQ(scores, second.scores(data.rows(), 3));
    std::size_t right = 0;
    for (std::size_t i = 0; i < scores.size(); ++i)
      right += (scores[i] >= 0.5F) == (data.yes[i] == 1) ? 1 : 0;
    EXPECT_GT(right, scores.size() * 8 / 10);
    const auto gain = first.total_gain(kFeatures);
    EXPECT_GT(gain[1], gain[0] + gain[2]);

    const TemporaryFolder folder(std::filesystem::temp_directory_path() / "classifier-test");
    Model model{.class_name = "mk", .pipeline_id = "p", .job_id = "j", .features = kFeatures};
    model.recipe = recipe;
    model.booster = first.json();
    write_file_atomically(folder.path() / "m.json", model_json(model, "{}", "{}"));
    const StoredModel stored = read_model(folder.path() / "m.json");
    EXPECT_EQ(stored.model.features, kFeatures);
    EXPECT_EQ(stored.model.recipe.kind, kind);
    EXPECT_EQ(stored.model.recipe.seed, 5U);
    EXPECT_EQ(stored.hash, hash_text(read_file(folder.path() / "m.json")));
    EXPECT_EQ(Booster::load(stored.model.booster, "m").scores(data.rows(), 1), scores);
  }
}

TEST(Model, FilesThatAreNoneAreRefused) {
  const Example data = separable(100);
  Model model{.class_name = "mk", .pipeline_id = "p", .job_id = "j", .features = kFeatures};
  model.booster = Booster::train(data.rows(), data.yes, kFeatures, {}).json();
  const auto good = nlohmann::ordered_json::parse(model_json(model, "{}", "{}"));
  const TemporaryFolder folder(std::filesystem::temp_directory_path() / "classifier-test");
  const auto file = folder.path() / "m.json";
  const auto code_of = [&](const std::string& text) {
    write_file_atomically(file, text);
    return error_of([&] { (void)read_model(file); }).code();
  };
  EXPECT_EQ(code_of("[1]"), ErrorCode::kConfig);
  EXPECT_EQ(code_of(""), ErrorCode::kConfig);
  EXPECT_EQ(code_of(std::string(10000, '[')), ErrorCode::kConfig);
  for (const auto& [key, value] : good.items()) {
    if (key == "metrics" || key == "labels") continue;  // for people
    auto changed = good;
    changed[key] = nullptr;
    EXPECT_EQ(code_of(changed.dump()), ErrorCode::kConfig) << key;
    changed.erase(key);
    EXPECT_EQ(code_of(changed.dump()), ErrorCode::kConfig) << key;
  }
  auto twice = good;
  twice["features"] = {"a", "a", "c"};
  EXPECT_EQ(code_of(twice.dump()), ErrorCode::kConfig);
  EXPECT_EQ(error_of([&] { (void)Booster::load("{\"learner\":3}", "x"); }).code(),
            ErrorCode::kConfig);
  EXPECT_EQ(error_of([&] { (void)read_model(folder.path() / "none"); }).code(),
            ErrorCode::kNoInput);
}

// Scores of a fold come from a model that saw none of its groups: labels that only the slide tells
// cannot be learned, although a model that saw them would know them by heart.
TEST(CrossValidation, KeepsGroupsApart) {
  TrainingSet set;
  set.features = {"slide_mark"};
  std::mt19937_64 random(4);
  for (std::uint32_t i = 0; i < 400; ++i) {
    const std::uint32_t slide = i / 20;
    set.slide.push_back(slide);
    set.sample.push_back(i / 5);
    set.values.push_back(static_cast<float>(slide) * 0.37F);
    set.yes.push_back(slide % 2 == 0 ? 1 : 0);
  }
  const Groups slides = groups_of(set, Grouping::kSlide);
  EXPECT_EQ(slides.counts.size(), 20U);
  const Groups tiles = groups_of(set, Grouping::kTile);
  EXPECT_EQ(tiles.counts.size(), 80U);
  const auto accuracy = [&](const Groups& groups, Grouping grouping) {
    return value_of(cross_validate(set, groups, grouping, {}, 0.5).values, Metric::kAccuracy);
  };
  EXPECT_LT(accuracy(slides, Grouping::kSlide), 0.6);
  EXPECT_GT(accuracy(tiles, Grouping::kTile), 0.95);
}

}  // namespace
}  // namespace tilepool
