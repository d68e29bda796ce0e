#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/run/pack_index.h"
#include "common/run/results.h"

namespace tilepool {
namespace {

void count_entries(const PackIndexReader& index, Items items, std::vector<FinalSlide>& slides) {
  for (std::uint64_t first = 0; first < index.samples(); first += kIndexBlock) {
    const SampleBlock block = index.block(first, std::min(kIndexBlock, index.samples() - first));
    for (std::size_t i = 0; i < block.size(); ++i) {
      FinalSlide& slide = slides.at(block.slide[i]);
      const auto status = static_cast<TileStatus>(block.status[i]);
      slide.n_done += status == TileStatus::kDone ? 1 : 0;
      slide.n_failed += status == TileStatus::kFailed ? 1 : 0;
      (items == Items::kPatches ? slide.n_patches : slide.n_cells) += block.n_cells[i];
      slide.seconds += static_cast<double>(block.seconds[i]);
    }
  }
}

/// The reason of each slide's first failed tile, empty where none failed.
std::vector<std::string> first_reasons(const PackIndexReader& index, std::size_t n_slides) {
  std::vector<std::string> reasons(n_slides);
  for (std::uint64_t first = 0; first < index.failures(); first += kIndexBlock) {
    const FailureBlock block =
        index.failure_block(first, std::min(kIndexBlock, index.failures() - first));
    for (std::size_t i = 0; i < block.slide.size(); ++i) {
      std::string& reason = reasons.at(block.slide[i]);
      if (reason.empty()) reason = block.reason[i];
    }
  }
  return reasons;
}

/// Why a slide's stains were not normalised where they should have been, by its id.
std::map<std::string, std::string> stain_notes(const RunLayout& layout) {
  std::map<std::string, std::string> notes;
  if (!std::filesystem::exists(layout.calibration())) return notes;
  for (const SlideCalibration& slide : read_calibration(layout.calibration()))
    if (stains_left(slide)) notes.emplace(slide.slide_id, slide.note);
  return notes;
}

}  // namespace

std::vector<FinalSlide> final_slides(const RunLayout& layout,
                                     const std::filesystem::path& index_file, Items items) {
  const PackIndexReader index(index_file);
  std::vector<FinalSlide> slides;
  for (PlanSlide& plan : PlanReader(layout.plan()).slides()) {
    FinalSlide slide;
    slide.status = plan.status;
    slide.reason = plan.reason;
    slide.plan = std::move(plan);
    slides.push_back(std::move(slide));
  }
  count_entries(index, items, slides);
  const std::vector<std::string> reasons = first_reasons(index, slides.size());
  const std::map<std::string, std::string> notes = stain_notes(layout);
  for (std::size_t i = 0; i < slides.size(); ++i) {
    FinalSlide& slide = slides[i];
    const auto note = notes.find(slide.plan.id);
    if (slide.status == "success" && note != notes.end()) slide.reason = note->second;
    if (slide.n_failed == 0) continue;
    const std::int64_t tiles = slide.n_done + slide.n_failed;
    if (slide.n_done == 0) {
      slide.status = "failed";
      slide.reason = fmt::format("all {} sampled tiles failed: {}", tiles, reasons[i]);
    } else {
      slide.reason =
          fmt::format("{} of {} sampled tiles failed: {}", slide.n_failed, tiles, reasons[i]);
    }
  }
  return slides;
}

std::string results_job_id(const std::filesystem::path& results_file) {
  if (!std::filesystem::exists(results_file)) return "";
  try {
    const h5::File file = h5::File::open(results_file);
    if (!file.has_attribute("complete") || file.get<std::uint8_t>("complete") != 1) return "";
    return file.has_attribute("job_id") ? file.text("job_id") : "";
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kHdf5) throw;
    return "";  // no HDF5 file, or a damaged one: not a complete result
  }
}

std::filesystem::path packing_path(const RunLayout& layout) {
  return layout.root() / ".results.h5.packing";
}

// Beside a file that ranks of several hosts write, MPI-IO keeps others (its shared file pointer);
// those of an attempt that died are still there.
void commit_results(const RunLayout& layout) {
  const std::filesystem::path packed = packing_path(layout);
  commit_file(packed, layout.results());
  std::vector<std::filesystem::path> left_behind;
  for (const auto& entry : std::filesystem::directory_iterator(layout.root()))
    if (entry.path().filename().string().starts_with(packed.filename().string()))
      left_behind.push_back(entry.path());
  for (const auto& file : left_behind) std::filesystem::remove(file);
}

}  // namespace tilepool
