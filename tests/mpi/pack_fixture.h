#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/run/results.h"

namespace tilepool::testing {

/// A run directory with a plan and range files, made up but deterministic: what a tile holds
/// depends on its slide and corner alone, as in a real run.
struct FakeRun {
  std::filesystem::path root;
  std::uint64_t n_slides = 3;          ///< two more are added: one skipped, one failed
  std::uint64_t tiles_per_slide = 40;  ///< pool rows of each
  std::uint64_t step = 2;              ///< every step-th pool row is sampled
  std::uint64_t cells_per_tile = 20;   ///< about
  std::uint64_t points_per_cell = 12;  ///< about
  bool failures = true;                ///< tiles of the second slide fail, and some of the first
  std::uint32_t generation = 0;

  [[nodiscard]] RunLayout layout() const { return RunLayout(root); }
  [[nodiscard]] std::uint64_t sample_size() const;
  /// Which pool row sample entry `i` is.
  [[nodiscard]] std::uint64_t pool_row(std::uint64_t i) const { return i * step; }
  [[nodiscard]] PoolTile tile(std::uint64_t pool_row) const;
  [[nodiscard]] TileResult result(const PoolTile& tile) const;

  void write_plan() const;
  /// One range file of the sample entries [first, first + count).
  void write_range(std::uint64_t first, std::uint64_t count) const;
  /// The whole sample in ranges of `tiles` entries.
  void write_ranges(std::uint64_t tiles) const;
};

[[nodiscard]] TaskSchema fake_schema();
[[nodiscard]] PackJob fake_job(const FakeRun& run, Codec codec, std::size_t block_bytes);
[[nodiscard]] Telemetry fake_telemetry(int run_number);

/// Indexes and packs alone, commits, and renames the result to `target`.
void pack_alone(const FakeRun& run, const PackJob& job, const std::filesystem::path& target);

/// Differences between two results files but for /telemetry, one line each; reads through our own
/// filters, so that lz4 needs no plugin.
[[nodiscard]] std::vector<std::string> differences(const std::filesystem::path& a,
                                                   const std::filesystem::path& b);
/// Exit code of `h5diff --exclude-path /telemetry a b`.
[[nodiscard]] int h5diff(const std::filesystem::path& a, const std::filesystem::path& b);

/// VmHWM (peak) and VmRSS of this process in bytes.
[[nodiscard]] std::size_t peak_resident_bytes();
[[nodiscard]] std::size_t resident_bytes();
/// Sets the peak back to what is resident now.
void reset_peak_resident();

}  // namespace tilepool::testing
