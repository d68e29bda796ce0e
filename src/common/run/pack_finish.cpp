#include "common/run/pack_finish.h"

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/pack_index.h"
#include "common/run/plan_schema.h"

namespace tilepool {
namespace {

struct ColumnText {
  const char* path;
  const char* unit;
  const char* description;
};

/// Units and meanings of the columns that every task has.
constexpr std::array kColumns = {
    ColumnText{"pool/slide", "1", "index into /slides"},
    ColumnText{"pool/x", "px", "left edge of the core, level 0"},
    ColumnText{"pool/y", "px", "top edge of the core, level 0"},
    ColumnText{"pool/w", "px", "width of the core, level 0"},
    ColumnText{"pool/h", "px", "height of the core, level 0"},
    ColumnText{"pool/tissue_fraction", "1", "share of the core that is tissue"},
    ColumnText{"pool/key", "1", "sampling key: XXH64 with the seed over slide id, 0, x, y"},
    ColumnText{"sample/pool", "1", "index into /pool, ascending"},
    ColumnText{"sample/status", "1", "1 done, 2 failed"},
};
constexpr std::array kPatchColumns = {
    ColumnText{"sample/n_patches", "1", "patches whose corner lies in the core"},
    ColumnText{"sample/patch_begin", "1", "first row of the tile in /patches; one more at the end"},
    ColumnText{"patches/sample", "1", "index into /sample"},
    ColumnText{"patches/slide", "1", "index into /slides"},
    ColumnText{"patches/x", "px", "left edge, level 0"},
    ColumnText{"patches/y", "px", "top edge, level 0"},
};
constexpr std::array kSampleColumns = {
    ColumnText{"sample/n_cells", "1", "cells whose centroid lies in the core"},
    ColumnText{"sample/cell_begin", "1", "first row of the tile in /cells; one more at the end"},
};
constexpr std::array kCellColumns = {
    ColumnText{"cells/sample", "1", "index into /sample"},
    ColumnText{"cells/slide", "1", "index into /slides"},
    ColumnText{"cells/class", "1", "index into /classes"},
    ColumnText{"cells/x", "px", "centroid, level 0"},
    ColumnText{"cells/y", "px", "centroid, level 0"},
    ColumnText{"cells/uid", "1", "identity of the cell, the same in every run of the pipeline"},
    ColumnText{"cells/contour_begin", "1",
               "first row of the contour in /contours; one more at end"},
    ColumnText{"contours/x", "px", "vertex of a ring without its repeated last point, level 0"},
    ColumnText{"contours/y", "px", "vertex of a ring without its repeated last point, level 0"},
};

void describe(h5::File& file, const std::string& path, const std::string& unit,
              const std::string& description) {
  h5::Dataset column = file.open_dataset(path);
  column.set_text("unit", unit);
  column.set_text("description", description);
}

void describe_tile_features(h5::File& file, const PackJob& job) {
  for (const FeatureSpec& feature : job.schema.tile_features) {
    describe(file, "features/" + feature.name, feature.unit, feature.description);
    file.open_dataset("features/" + feature.name).set_text("axis", "/sample");
  }
}

/// How the patches of /patches were cut; lengths in analysis pixels.
void describe_patches(h5::File& file, const PatchOptions& patches, std::int64_t tile_px) {
  h5::Group group = h5::Group::open(file, "patches");
  group.set<std::int64_t>("size_px", patches.size_px);
  group.set<std::int64_t>("stride_px", patches.stride());
  group.set<std::int64_t>("level", patches.level);
  group.set<std::int64_t>("tile_px", tile_px);
}

void describe_columns(h5::File& file, const PackJob& job) {
  for (const ColumnText& column : kColumns) {
    describe(file, column.path, column.unit, column.description);
  }
  const auto describe_all = [&](const auto& columns) {
    for (const ColumnText& column : columns)
      describe(file, column.path, column.unit, column.description);
  };
  if (job.schema.items == Items::kPatches) {
    describe_all(kPatchColumns);
    describe_patches(file, job.patches, job.tile_px);
  } else {
    describe_all(kSampleColumns);
  }
  if (job.schema.items == Items::kCells) describe_all(kCellColumns);
  for (const FeatureSpec& feature : job.schema.cell_features)
    describe(file, item_names(job.schema.items).group + "/" + feature.name, feature.unit,
             feature.description);
  describe_tile_features(file, job);
}

void write_slides(h5::File& file, const std::vector<FinalSlide>& slides, Items items) {
  std::vector<PlanSlide> plan;
  std::vector<std::string> status, reason;
  std::vector<std::int64_t> done, failed, cells, patches;
  for (const FinalSlide& slide : slides) {
    plan.push_back(slide.plan);
    status.push_back(slide.status);
    reason.push_back(slide.reason);
    done.push_back(slide.n_done);
    failed.push_back(slide.n_failed);
    cells.push_back(slide.n_cells);
    patches.push_back(slide.n_patches);
  }
  write_slide_texts(file, "id", plan, &PlanSlide::id);
  write_slide_texts(file, "path", plan, &PlanSlide::path);
  write_slide_texts(file, "group", plan, &PlanSlide::group);
  write_slide_texts(file, "vendor", plan, &PlanSlide::vendor);
  file.write_texts("slides/status", status);
  file.write_texts("slides/reason", reason);
  write_slide_texts(file, "fingerprint", plan, &PlanSlide::fingerprint);
  write_slide_numbers(file, "width", plan, &PlanSlide::width);
  write_slide_numbers(file, "height", plan, &PlanSlide::height);
  write_slide_numbers(file, "mpp_x", plan, &PlanSlide::mpp_x);
  write_slide_numbers(file, "mpp_y", plan, &PlanSlide::mpp_y);
  write_slide_numbers(file, "core_px", plan, &PlanSlide::core_px);
  write_slide_numbers(file, "modality", plan, &PlanSlide::modality);
  write_slide_numbers(file, "n_grid", plan, &PlanSlide::n_grid);
  write_slide_numbers(file, "n_pool", plan, &PlanSlide::n_pool);
  write_slide_numbers(file, "n_sample", plan, &PlanSlide::n_sample);
  file.write_column<std::int64_t>("slides/n_done", done);
  file.write_column<std::int64_t>("slides/n_failed", failed);
  file.write_column<std::int64_t>("slides/n_cells", cells);
  if (items == Items::kPatches) file.write_column<std::int64_t>("slides/n_patches", patches);
}

void write_failures(h5::File& file, const std::filesystem::path& index_file) {
  const PackIndexReader index(index_file);
  const std::uint64_t n = index.failures();
  if (n == 0) return;  // h5diff calls an empty dataset not comparable
  const h5::Layout layout = h5::column_layout(n, 1024, {h5::FilterKind::kGzip, 1});
  h5::Dataset sample = file.create_dataset<std::uint64_t>("failures/sample", {n}, layout);
  h5::Dataset reason = file.create_texts("failures/reason", n, kReasonBytes, layout);
  for (std::uint64_t first = 0; first < n; first += kIndexBlock) {
    const FailureBlock block = index.failure_block(first, std::min(kIndexBlock, n - first));
    sample.write(first, std::span<const std::uint64_t>(block.sample));
    reason.write_texts(first, block.reason);
  }
}

void write_telemetry(h5::File& file, const Telemetry& telemetry) {
  h5::Group group = h5::Group::create(file, "telemetry");
  for (const auto& [name, value] : telemetry.text) group.set_text(name, value);
  for (const auto& [name, value] : telemetry.numbers) group.set(name, value);
  h5::Group::create(file, "telemetry/ranks");
  for (const auto& [name, column] : telemetry.rank_numbers) {
    file.write_column<double>("telemetry/ranks/" + name, column);
  }
  for (const auto& [name, column] : telemetry.rank_text) {
    file.write_texts("telemetry/ranks/" + name, column);
  }
}

void write_head(h5::File& file, const PlanHead& head) {
  file.set_text("format", "tilepool-results");
  file.set_text("format_version", "1.0");
  file.set("seed", head.seed);
  file.set_text("tilepool_version", TILEPOOL_VERSION);
  file.set_text("config", head.config);
  file.set_text("job_id", head.job_id);
  file.set_text("pipeline_id", head.pipeline_id);
}

}  // namespace

void finish_results(const PackJob& job, const std::filesystem::path& path,
                    const std::filesystem::path& index_file, const Telemetry& telemetry) {
  {
    h5::File file = h5::File::open_to_write(path);
    write_head(file, PlanReader(job.layout.plan()).head());
    const Items items = job.schema.items;
    write_slides(file, final_slides(job.layout, index_file, items), items);
    if (!job.class_names.empty()) file.write_texts("classes/name", job.class_names);
    write_failures(file, index_file);
    describe_columns(file, job);
    write_telemetry(file, telemetry);
    file.close();
  }
  h5::File file = h5::File::open_to_write(path);
  file.set("complete", std::uint8_t{1});
  file.close();
}

}  // namespace tilepool
