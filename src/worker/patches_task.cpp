#include "worker/patches_task.h"

#include <optional>

#include "common/kernels/patch_stats.h"
#include "common/run/patch_files.h"
#include "common/run/patch_slots.h"
#include "common/run/tissue_bits.h"

namespace tilepool {
namespace {

class PatchesTask : public TileTask {
 public:
  PatchesTask(const Options& options, std::string slide_id, const TileGrid& grid,
              const RunLayout& layout, std::span<const PoolTile> pool)
      : options_(options.patches),
        slide_id_(std::move(slide_id)),
        grid_(grid),
        layout_(layout),
        tissue_(layout.scan_file(slide_id_)) {
    if (keeps_raw_patches(options_.pixels)) slots_.emplace(tissue_, grid_, options_, pool);
  }

  void run(const TileWindow& window, Backend& /*backend*/, TileResult& result) const override {
    const Rect& core = window.core_level0;
    std::optional<RawRows> rows;
    if (slots_) rows = rows_of(core);
    PatchFileWriter files(layout_, slide_id_, options_, rows);
    const std::int64_t size = options_.size_px;
    const std::int64_t left = core.x / grid_.core_px * grid_.size_px;
    const std::int64_t top = core.y / grid_.core_px * grid_.size_px;
    std::int64_t index = 0;
    for (const PatchPlace& place : patches_of(grid_, options_, core)) {
      const ConstRgbView patch = window.stacked
                                     ? window.rgb.window(0, index++ * size, size, size)
                                     : window.rgb.window(place.x - left, place.y - top, size, size);
      const double tissue = tissue_share(tissue_, place, grid_, options_);
      if (tissue < options_.min_tissue) continue;
      const PatchStats stats = patch_stats(patch, static_cast<int>(options_.white_level),
                                           static_cast<int>(options_.black_level));
      if (!is_kept(stats)) continue;
      files.add(patch, place.x0, place.y0);
      append(place, tissue, stats, result.cells);
    }
    files.finish();
  }

 private:
  [[nodiscard]] RawRows rows_of(const Rect& core) const {
    const PoolTile tile{.x = core.x, .y = core.y};
    const std::uint64_t first = slots_->first_row(tile);
    return {first, slots_->end_row(tile) - first, slots_->rows()};
  }

  [[nodiscard]] bool is_kept(const PatchStats& stats) const {
    return stats.white <= options_.max_white && stats.black <= options_.max_black &&
           stats.sharpness >= options_.min_sharpness;
  }

  static void append(const PatchPlace& place, double tissue, const PatchStats& stats,
                     CellBatch& patches) {
    patches.x.push_back(static_cast<double>(place.x0));
    patches.y.push_back(static_cast<double>(place.y0));
    patches.class_index.push_back(0);
    patches.contour_size.push_back(0);
    for (const double value : {tissue, stats.white, stats.black, stats.sharpness})
      patches.features.push_back(static_cast<float>(value));
  }

  PatchOptions options_;
  std::string slide_id_;
  TileGrid grid_;
  RunLayout layout_;
  TissueBits tissue_;
  std::optional<PatchSlots> slots_;
};

}  // namespace

TaskSchema patches_schema() {
  TaskSchema schema;
  schema.items = Items::kPatches;
  schema.cell_features = {
      {"tissue_fraction", "1", "Share of the patch that is tissue in the slide's scan."},
      {"white_fraction", "1", "Share of its pixels with min(R, G, B) >= patches.white_level."},
      {"black_fraction", "1", "Share of its pixels with max(R, G, B) <= patches.black_level."},
      {"sharpness", "1", "Variance of the 4-neighbour Laplacian of its grey, 0..255."},
  };
  return schema;
}

std::unique_ptr<TileTask> make_patches_task(const Options& options, const std::string& slide_id,
                                            const TileGrid& grid, const RunLayout& layout,
                                            std::span<const PoolTile> pool) {
  return std::make_unique<PatchesTask>(options, slide_id, grid, layout, pool);
}

}  // namespace tilepool
