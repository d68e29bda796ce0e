#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "labels/votes.h"

namespace tilepool {

struct Disagreement {
  std::uint64_t uid = 0;
  Label first = Label::kNo, second = Label::kNo;
};

/// How far two annotators agree on the cells that both labelled; yes, no and unsure are three
/// categories.
struct Agreement {
  std::string first, second;
  std::uint64_t n_both = 0, n_equal = 0;
  /// Cohen's kappa (Cohen 1960, Educational and Psychological Measurement 20:37-46): the agreement
  /// beyond chance, at most 1. NaN where chance alone gives full agreement, or nothing is shared.
  double kappa = 0;
  std::vector<Disagreement> disagreements;  ///< by uid
};

[[nodiscard]] Agreement agreement_of(const Annotator& first, const Annotator& second);
/// Of each pair.
[[nodiscard]] std::vector<Agreement> agreements_of(std::span<const Annotator> annotators);

/// "yes", "no" or "unsure".
[[nodiscard]] std::string word_of(Label label);

}  // namespace tilepool
