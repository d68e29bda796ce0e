#include "master/retry_failed.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "common/base/error.h"
#include "common/run/plan_file.h"
#include "common/run/range_file.h"

namespace tilepool {
namespace {

struct FailedRange {
  std::filesystem::path file;
  std::uint32_t generation = 0;
  std::uint64_t failed = 0;  ///< tiles
};

std::optional<FailedRange> look_into(const std::filesystem::path& file, const TaskSchema& schema) {
  try {
    const RangeReader range(file, schema);
    const std::vector<RangeTile> tiles = range.tiles();
    const auto failed = std::count_if(tiles.begin(), tiles.end(), [](const RangeTile& tile) {
      return tile.status == TileStatus::kFailed;
    });
    if (failed > 0)
      return FailedRange{file, range.generation(), static_cast<std::uint64_t>(failed)};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kHdf5 && error.code() != ErrorCode::kIo) throw;
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t retry_failed_tiles(const RunLayout& layout, const TaskSchema& schema) {
  if (!std::filesystem::exists(layout.plan())) return 0;
  std::vector<FailedRange> ranges;
  for (const auto& entry : std::filesystem::directory_iterator(layout.ranges_dir()))
    if (entry.path().extension() == ".h5")
      if (const auto range = look_into(entry.path(), schema)) ranges.push_back(*range);
  const std::uint32_t generation = PlanReader(layout.plan()).head().generation;
  std::uint64_t failed = 0;
  for (const FailedRange& range : ranges) {
    check(range.generation == generation, ErrorCode::kConfig,
          "--retry-failed: {} holds tiles that failed before the sample of this run grew; give "
          "--fresh to compute all tiles again",
          range.file.string());
    failed += range.failed;
  }
  if (failed == 0) return 0;
  // The results first: what is left after a crash in between is a run that stopped before its end.
  std::filesystem::remove(layout.results());
  std::filesystem::remove_all(layout.classified_dir());
  for (const auto& note : std::filesystem::directory_iterator(layout.crashes_dir()))
    std::filesystem::remove(note.path());
  for (const FailedRange& range : ranges) std::filesystem::remove(range.file);
  return failed;
}

}  // namespace tilepool
