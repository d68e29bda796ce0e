#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/file.h"
#include "common/run/plan_file.h"

namespace tilepool {

/// What plan.h5 and results.h5 have in common.

inline constexpr char kPlanFormat[] = "tilepool-plan";
inline constexpr std::uint32_t kPlanVersion = 1;
/// Rows of a chunk of plan.h5's columns, and the most that its writer holds back.
inline constexpr std::uint64_t kPlanChunkRows = 16384;

/// The text column `name` of /slides.
void write_slide_texts(h5::File& file, const char* name, std::span<const PlanSlide> slides,
                       std::string PlanSlide::*member);
/// The number column `name` of /slides.
template <h5::Element T>
void write_slide_numbers(h5::File& file, const char* name, std::span<const PlanSlide> slides,
                         T PlanSlide::*member) {
  std::vector<T> column;
  for (const PlanSlide& slide : slides) column.push_back(slide.*member);
  file.write_column<T>(std::string("slides/") + name, column);
}

}  // namespace tilepool
