#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "labels/label_file.h"

namespace tilepool {

/// All labels of one person.
struct Annotator {
  std::string name;
  std::map<std::uint64_t, Label> labels;
};

/// Files of the same annotator together, in the order of the files. Throws Error(kConfig) with
/// counts when two files of one annotator contradict each other: one is the older.
[[nodiscard]] std::vector<Annotator> annotators_of(std::span<const LabelFile> files);

/// What all annotators together say.
struct Verdicts {
  std::map<std::uint64_t, bool> decided;  ///< by uid: yes or no
  std::uint64_t n_yes = 0, n_no = 0;      ///< of `decided`
  std::uint64_t n_unsure = 0;             ///< cells of which nobody said yes or no: left out
  std::uint64_t n_tied = 0;               ///< cells with as many yes as no: left out
};

/// The majority of yes and no; who is unsure abstains.
[[nodiscard]] Verdicts decide(std::span<const Annotator> annotators);

}  // namespace tilepool
