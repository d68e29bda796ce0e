#include "master/committed_tiles.h"

#include <algorithm>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/range_file.h"

namespace tilepool {

CommittedTiles::CommittedTiles(const RunLayout& layout, const TaskSchema& schema,
                               const std::string& pipeline_id) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(layout.ranges_dir()))
    if (entry.path().extension() == ".h5") files.push_back(entry.path());
  for (const auto& file : files) {
    try {
      const RangeReader range(file, schema);
      range.verify();
      check(range.pipeline_id() == pipeline_id, ErrorCode::kHdf5, "{} belongs to another pipeline",
            file.string());
      for (const RangeTile& tile : range.tiles())
        entries_.push_back(
            {tile.slide, tile.n_cells, tile.y, checked_cast<std::int32_t>(tile.x), tile.status});
    } catch (const Error& error) {
      damaged_.push_back(one_line(error.what()));
      std::filesystem::remove(file);
    }
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.place(), a.status) < std::pair(b.place(), b.status);
  });
  const auto last =
      std::unique(entries_.begin(), entries_.end(),
                  [](const Entry& a, const Entry& b) { return a.place() == b.place(); });
  entries_.erase(last, entries_.end());
}

const CommittedTiles::Entry* CommittedTiles::find(std::uint32_t slide, std::int64_t x,
                                                  std::int64_t y) const {
  Entry wanted;
  wanted.slide = slide;
  wanted.y = y;
  wanted.x = checked_cast<std::int32_t>(x);
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), wanted,
                       [](const Entry& a, const Entry& b) { return a.place() < b.place(); });
  return found != entries_.end() && found->place() == wanted.place() ? &*found : nullptr;
}

bool CommittedTiles::contains(std::uint32_t slide, std::int64_t x, std::int64_t y) const {
  return find(slide, x, y) != nullptr;
}

TileStatus CommittedTiles::status(std::uint32_t slide, std::int64_t x, std::int64_t y) const {
  const Entry* entry = find(slide, x, y);
  return entry == nullptr ? TileStatus::kPending : entry->status;
}

std::uint32_t CommittedTiles::cells(std::uint32_t slide, std::int64_t x, std::int64_t y) const {
  const Entry* entry = find(slide, x, y);
  return entry == nullptr ? 0 : entry->n_cells;
}

}  // namespace tilepool
