#include "classifier/folds.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "common/base/error.h"

namespace tilepool {
namespace {

constexpr std::size_t kMostFolds = 5;

GroupCounts sum_of(std::span<const GroupCounts> groups) {
  GroupCounts sum;
  for (const GroupCounts& one : groups) {
    sum.n_yes += one.n_yes;
    sum.n_no += one.n_no;
  }
  return sum;
}

/// How much the sum of squared shares of a fold grows when a group joins it.
double unevenness(const GroupCounts& fold, const GroupCounts& group, const GroupCounts& all) {
  const auto grown = [](std::uint64_t there, std::uint64_t more, std::uint64_t whole) {
    const double share = static_cast<double>(more) / static_cast<double>(whole);
    return share * (share + 2 * static_cast<double>(there) / static_cast<double>(whole));
  };
  return grown(fold.n_yes, group.n_yes, all.n_yes) + grown(fold.n_no, group.n_no, all.n_no);
}

/// The fold for the next group. At most two folds (one for yes, one for no) are forbidden, and with
/// two folds alone only the one that the first group is in.
std::size_t best_fold(std::span<const GroupCounts> folds, const GroupCounts& group,
                      const GroupCounts& all) {
  std::size_t best = folds.size();
  for (std::size_t i = 0; i < folds.size(); ++i) {
    if (folds[i].n_yes + group.n_yes == all.n_yes || folds[i].n_no + group.n_no == all.n_no)
      continue;
    const auto rank = [&](std::size_t fold) {
      return std::tuple(unevenness(folds[fold], group, all), folds[fold].n());
    };
    if (best == folds.size() || rank(i) < rank(best)) best = i;
  }
  check(best < folds.size(), ErrorCode::kInternal, "a group of labels fits in no fold");
  return best;
}

}  // namespace

std::string word_of(Grouping grouping) { return grouping == Grouping::kSlide ? "slide" : "tile"; }

std::optional<Grouping> grouping_of(std::string_view word) {
  for (const Grouping grouping : {Grouping::kSlide, Grouping::kTile})
    if (word == word_of(grouping)) return grouping;
  return std::nullopt;
}

bool can_be_folded(std::span<const GroupCounts> groups) {
  const auto some_yes = [](const GroupCounts& one) { return one.n_yes > 0; };
  const auto some_no = [](const GroupCounts& one) { return one.n_no > 0; };
  return std::ranges::count_if(groups, some_yes) >= 2 &&
         std::ranges::count_if(groups, some_no) >= 2;
}

int fold_count(std::span<const GroupCounts> groups) {
  return static_cast<int>(std::min(kMostFolds, groups.size()));
}

std::vector<int> assign_folds(std::span<const GroupCounts> groups) {
  check(can_be_folded(groups), ErrorCode::kInternal, "{} groups of labels cannot be folded",
        groups.size());
  const GroupCounts all = sum_of(groups);
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](std::size_t i) { return groups[i].n(); });
  std::vector<GroupCounts> folds(static_cast<std::size_t>(fold_count(groups)));
  std::vector<int> fold_of(groups.size());
  for (const std::size_t i : order) {
    const std::size_t fold = best_fold(folds, groups[i], all);
    folds[fold].n_yes += groups[i].n_yes;
    folds[fold].n_no += groups[i].n_no;
    fold_of[i] = static_cast<int>(fold);
  }
  return fold_of;
}

}  // namespace tilepool
