#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tilepool {

/// What stays together when labels are parted for cross-validation: all cells of a slide, or of a
/// tile.
enum class Grouping { kSlide, kTile };

/// "slide" or "tile", and back.
[[nodiscard]] std::string word_of(Grouping grouping);
[[nodiscard]] std::optional<Grouping> grouping_of(std::string_view word);

/// Labels of one slide or tile.
struct GroupCounts {
  std::uint64_t n_yes = 0, n_no = 0;
  [[nodiscard]] std::uint64_t n() const { return n_yes + n_no; }
};

/// Whether groups can be parted so that a model can be trained without any one fold: yes and no
/// both occur in at least two groups.
[[nodiscard]] bool can_be_folded(std::span<const GroupCounts> groups);

/// Folds to make: at most 5, at most one for each group.
[[nodiscard]] int fold_count(std::span<const GroupCounts> groups);

/// The fold of each group, 0 .. fold_count() - 1: yes and no are spread as evenly as a greedy
/// choice gets them, the largest groups first; no fold is empty, and none holds all yes or all no.
/// Depends on nothing but the counts. Groups must satisfy can_be_folded().
[[nodiscard]] std::vector<int> assign_folds(std::span<const GroupCounts> groups);

}  // namespace tilepool
