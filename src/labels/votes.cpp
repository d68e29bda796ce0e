#include "labels/votes.h"

#include <algorithm>

#include "common/base/error.h"

namespace tilepool {

std::vector<Annotator> annotators_of(std::span<const LabelFile> files) {
  std::vector<Annotator> annotators;
  std::string contradictions;
  for (const LabelFile& file : files) {
    auto person = std::ranges::find(annotators, file.annotator, &Annotator::name);
    if (person == annotators.end())
      person = annotators.insert(annotators.end(), {file.annotator, {}});
    std::uint64_t differing = 0;
    for (const auto& [uid, label] : file.labels)
      if (person->labels.emplace(uid, label).first->second != label) ++differing;
    if (differing > 0)
      contradictions += fmt::format("\n  {}: {} labels differ from those in an earlier file of {}",
                                    file.name, differing, file.annotator);
  }
  check(contradictions.empty(), ErrorCode::kConfig,
        "labels of one annotator contradict each other; give the newer file only:{}",
        contradictions);
  return annotators;
}

Verdicts decide(std::span<const Annotator> annotators) {
  struct Votes {
    std::uint64_t yes = 0, no = 0;
  };
  std::map<std::uint64_t, Votes> votes;
  for (const Annotator& person : annotators)
    for (const auto& [uid, label] : person.labels) {
      Votes& of_cell = votes[uid];
      if (label == Label::kYes) ++of_cell.yes;
      if (label == Label::kNo) ++of_cell.no;
    }
  Verdicts verdicts;
  for (const auto& [uid, of_cell] : votes) {
    if (of_cell.yes == of_cell.no) {
      ++(of_cell.yes == 0 ? verdicts.n_unsure : verdicts.n_tied);
      continue;
    }
    const bool yes = of_cell.yes > of_cell.no;
    verdicts.decided.emplace(uid, yes);
    ++(yes ? verdicts.n_yes : verdicts.n_no);
  }
  return verdicts;
}

}  // namespace tilepool
