#include "labels/agreement.h"

#include <array>
#include <limits>

namespace tilepool {

std::string word_of(Label label) {
  switch (label) {
    case Label::kNo:
      return "no";
    case Label::kYes:
      return "yes";
    case Label::kUnsure:
      break;
  }
  return "unsure";
}

Agreement agreement_of(const Annotator& first, const Annotator& second) {
  Agreement found{.first = first.name, .second = second.name};
  std::array<double, 3> of_first{};
  std::array<double, 3> of_second{};
  for (const auto& [uid, label] : first.labels) {
    const auto other = second.labels.find(uid);
    if (other == second.labels.end()) continue;
    ++found.n_both;
    ++of_first[static_cast<std::size_t>(label)];
    ++of_second[static_cast<std::size_t>(other->second)];
    if (label == other->second)
      ++found.n_equal;
    else
      found.disagreements.push_back({uid, label, other->second});
  }
  const auto n = static_cast<double>(found.n_both);
  double by_chance = 0;  // expected share of equal labels, times n^2
  for (std::size_t i = 0; i < of_first.size(); ++i) by_chance += of_first[i] * of_second[i];
  found.kappa = by_chance < n * n
                    ? (static_cast<double>(found.n_equal) * n - by_chance) / (n * n - by_chance)
                    : std::numeric_limits<double>::quiet_NaN();
  return found;
}

std::vector<Agreement> agreements_of(std::span<const Annotator> annotators) {
  std::vector<Agreement> all;
  for (std::size_t i = 0; i < annotators.size(); ++i)
    for (std::size_t j = i + 1; j < annotators.size(); ++j)
      all.push_back(agreement_of(annotators[i], annotators[j]));
  return all;
}

}  // namespace tilepool
