#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>

#include "common/run/pack_index.h"
#include "common/run/patch_slots.h"
#include "common/run/results.h"

namespace tilepool {

/// Gives the pixels of patches in the order of /patches from the raw files of the slides. One
/// thread.
class PatchSource {
 public:
  PatchSource(const PackJob& job, const std::filesystem::path& index_file);
  ~PatchSource();
  PatchSource(const PatchSource&) = delete;
  PatchSource& operator=(const PatchSource&) = delete;

  [[nodiscard]] std::uint64_t count() const { return index_.cells(); }
  [[nodiscard]] std::size_t patch_bytes() const { return patch_bytes_; }
  /// Rows [first, first + pixels.size() / patch_bytes()) of /patches. Throws Error(kIo).
  void read(std::uint64_t first, std::span<std::uint8_t> pixels);

 private:
  void open(std::uint32_t slide);

  PackJob job_;
  PackIndexReader index_;
  PlanReader plan_;
  std::vector<PlanSlide> slides_;
  std::size_t patch_bytes_;
  std::optional<PatchSlots> slots_;  ///< of the open slide
  std::uint32_t open_slide_ = 0;
  int descriptor_ = -1;
};

/// Writes patches/<slide>.npy, uint8 [n, size, size, 3] in the order of /patches, for every
/// `n_ranks`th slide of those with sampled tiles, beginning with slide `rank`. Throws Error(kIo).
void write_patch_arrays(const PackJob& job, const std::filesystem::path& index_file,
                        std::uint64_t rank, std::uint64_t n_ranks);

}  // namespace tilepool
