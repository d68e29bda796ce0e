#include "master/plan_builder.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/core.h>
#include <xxhash.h>

#include "common/base/checked.h"
#include "common/kernels/tissue_variance.h"
#include "common/model/options_json.h"
#include "common/run/scan_file.h"
#include "common/run/tissue_decision.h"
#include "master/sampler.h"

namespace tilepool {
namespace {

PlanSlide slide_row(const SlideSpec& spec, const SlideScan& scan) {
  PlanSlide row;
  row.id = spec.id;
  row.path = spec.path;
  row.group = spec.group;
  row.vendor = scan.info.vendor;
  row.width = scan.info.width;
  row.height = scan.info.height;
  row.mpp_x = scan.info.mpp_x;
  row.mpp_y = scan.info.mpp_y;
  row.fingerprint = scan.info.fingerprint;
  row.reader = scan.info.reader;
  row.modality = static_cast<std::uint8_t>(scan.modality);
  row.status = "success";
  if (scan.failed) {
    row.status = "failed";
    row.reason = scan.reason;
  } else {
    row.n_grid = scan.grid.tiles();
    row.core_px = scan.grid.core_px;
  }
  return row;
}

// A slide without tissue is skipped whatever else it lacks; one with tissue needs its pixel size
// when the task measures.
void judge(PlanSlide& row, const SlideScan& scan, const Options& options) {
  if (row.n_pool == 0) {
    row.status = "skipped";
    row.reason = !scan.reason.empty()
                     ? scan.reason
                     : fmt::format(
                           "no tissue: none of its {} tiles has a tissue fraction of {} or "
                           "more",
                           row.n_grid, options.tissue.min_fraction);
  } else if (options.task == TaskKind::kSegment && !std::isfinite(scan.info.mpp())) {
    row.status = "failed";
    row.n_pool = 0;
    row.reason = !scan.info.mpp_problem.empty() ? scan.info.mpp_problem
                                                : "no mpp: the slide does not tell its pixel size "
                                                  "and the task measures in micrometres; give "
                                                  "\"mpp\" for it in the config or the manifest";
  }
}

/// Calls visit(column, row, fraction) for each tile of the scan that belongs to the pool.
template <class Visit>
void for_each_pool_tile(const SlideScan& scan, double min_fraction, const Visit& visit) {
  const std::int64_t columns = scan.grid.columns();
  for (std::int64_t i = 0; i < scan.grid.tiles(); ++i) {
    const float fraction = scan.tissue_fraction[static_cast<std::size_t>(i)];
    if (static_cast<double>(fraction) >= min_fraction) visit(i % columns, i / columns, fraction);
  }
}

/// Which stratum each slide belongs to; strata are numbered in order of their first slide.
std::vector<std::size_t> strata_of(const std::vector<SlideSpec>& slides, Stratify by) {
  std::vector<std::size_t> strata(slides.size(), 0);
  std::map<std::string, std::size_t> groups;
  for (const SlideSpec& slide : slides) groups.emplace(slide.group, 0);
  std::size_t next = 0;
  for (auto& [name, index] : groups) index = next++;
  for (std::size_t i = 0; i < slides.size(); ++i)
    strata[i] = by == Stratify::kNone ? 0 : by == Stratify::kSlide ? i : groups[slides[i].group];
  return strata;
}

class PlanBuilder {
 public:
  PlanBuilder(const RunLayout& layout, const Options& options, const std::vector<SlideSpec>& slides,
              double variance_threshold, Budget& budget)
      : layout_(layout),
        options_(options),
        slides_(slides),
        threshold_(variance_threshold),
        budget_(budget),
        strata_(strata_of(slides, options.sample.stratify_by)) {}

  void count() {
    std::vector<std::uint64_t> sizes(
        strata_.empty() ? 1 : *std::max_element(strata_.begin(), strata_.end()) + 1, 0);
    for (std::size_t i = 0; i < slides_.size(); ++i) {
      const SlideScan scan = load(i);
      PlanSlide row = slide_row(slides_[i], scan);
      if (row.status == "success") {
        for_each_pool_tile(scan, options_.tissue.min_fraction,
                           [&](auto, auto, float) { ++row.n_pool; });
        judge(row, scan, options_);
      }
      sizes[strata_[i]] += static_cast<std::uint64_t>(row.n_pool);
      rows_.push_back(std::move(row));
    }
    std::uint64_t pool = 0;
    for (const std::uint64_t size : sizes) pool += size;
    const std::uint64_t n = sample_size(options_.sample, pool);
    for (const std::uint64_t share : largest_remainder(n, sizes)) samples_.emplace_back(share);
  }

  void draw(PlanWriter& writer) {
    for (std::size_t i = 0; i < slides_.size(); ++i) {
      if (rows_[i].n_pool == 0) continue;
      const SlideScan scan = load(i);
      std::vector<PoolTile> tiles;
      for_each_pool_tile(
          scan, options_.tissue.min_fraction,
          [&](std::int64_t column, std::int64_t row, float fraction) {
            const Rect core = scan.grid.core(column, row);
            const std::uint64_t key = tile_key(slides_[i].id, core.x, core.y, options_.sample.seed);
            const auto slide = checked_cast<std::uint32_t>(i);
            tiles.push_back({slide, core.x, core.y, checked_cast<std::int32_t>(core.w),
                             checked_cast<std::int32_t>(core.h), fraction, key});
            samples_[strata_[i]].add({key, slide, core.y, core.x, pool_size_++});
          });
      writer.append_pool(tiles);
    }
  }

  /// Sample entries ascending; also fills each slide's n_sample and says which were not drawn.
  std::vector<SampleCandidate> finish_sample() {
    std::vector<SampleCandidate> sample;
    for (const BottomN& part : samples_) {
      const auto kept = part.in_pool_order();
      sample.insert(sample.end(), kept.begin(), kept.end());
    }
    std::sort(sample.begin(), sample.end(),
              [](const auto& a, const auto& b) { return a.pool_index < b.pool_index; });
    for (const SampleCandidate& tile : sample) ++rows_[tile.slide].n_sample;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].status == "success" && rows_[i].n_sample == 0) {
        rows_[i].status = "skipped";
        rows_[i].reason =
            fmt::format("none of its {} pooled tiles was drawn into the sample", rows_[i].n_pool);
      }
    }
    return sample;
  }

  [[nodiscard]] const std::vector<PlanSlide>& rows() const { return rows_; }
  [[nodiscard]] std::uint64_t pool_size() const { return pool_size_; }

 private:
  SlideScan load(std::size_t i) {
    SlideScan scan =
        read_scan(layout_.scan_file(slides_[i].id),
                  {.variance = options_.tissue.method == TissueMethod::kVariance}, budget_);
    if (!scan.failed) decide_tissue(scan, options_.tissue, threshold_, budget_);
    return scan;
  }

  const RunLayout& layout_;
  const Options& options_;
  const std::vector<SlideSpec>& slides_;
  const double threshold_;
  Budget& budget_;
  std::vector<std::size_t> strata_;
  std::vector<PlanSlide> rows_;
  std::vector<BottomN> samples_;
  std::uint64_t pool_size_ = 0;
};

}  // namespace

PlanSummary build_plan(const RunLayout& layout, const Options& options,
                       const std::vector<SlideSpec>& slides, const PlanHead& head,
                       const CarriedLookup& carried, Budget& budget) {
  PlanBuilder builder(layout, options, slides, head.variance_threshold, budget);
  builder.count();
  PlanWriter writer(layout.plan(), head);
  builder.draw(writer);
  const std::vector<SampleCandidate> sample = builder.finish_sample();
  writer.write_slides(builder.rows());
  PlanSummary summary;
  summary.slides = slides.size();
  summary.pool = builder.pool_size();
  summary.sample = sample.size();
  for (const PlanSlide& row : builder.rows()) {
    summary.readable += row.status != "failed" ? 1 : 0;
    summary.grid += static_cast<std::uint64_t>(row.n_grid);
  }
  std::vector<std::uint64_t> indices;
  std::vector<std::uint8_t> flags;
  for (const SampleCandidate& tile : sample) {
    indices.push_back(tile.pool_index);
    flags.push_back(carried(tile.slide, tile.x, tile.y) ? 1 : 0);
    summary.carried += flags.back();
  }
  writer.write_sample(indices, flags);
  writer.commit();
  return summary;
}

double cohort_variance_threshold(const RunLayout& layout, const Options& options,
                                 const std::vector<SlideSpec>& slides, Budget& budget) {
  if (options.tissue.method != TissueMethod::kVariance) return 0;
  constexpr std::size_t kValuesPerSlide = 4096;
  std::vector<std::uint16_t> values;
  for (const SlideSpec& slide : slides) {
    const SlideScan scan = read_scan(layout.scan_file(slide.id), {.variance = true}, budget);
    const auto map = scan.tissue.variance.span();
    const std::size_t step = std::max<std::size_t>(1, map.size() / kValuesPerSlide);
    for (std::size_t i = step / 2; i < map.size(); i += step) values.push_back(map[i]);
  }
  return values.empty() ? 0 : variance_threshold(values);
}

RunIdentity identify_run(const RunLayout& layout, const Options& options,
                         const std::vector<SlideSpec>& slides, Budget& budget) {
  std::string cohort;
  for (const SlideSpec& slide : slides) {
    const SlideScan scan = read_scan(layout.scan_file(slide.id), {}, budget);
    cohort += fmt::format("{}\t{}\t{}\t{}\t{}", slide.id, slide.group, scan.info.fingerprint,
                          scan.info.mpp_x, scan.info.mpp_y);
    if (!scan.annotations_print.empty()) cohort += "\t" + scan.annotations_print;
    cohort += '\n';
  }
  const auto hex_hash = [&](const std::string& config) {
    const std::string text = config + '\n' + cohort;
    const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
  };
  RunIdentity identity;
  identity.config = result_identity_json(options, true);
  identity.job_id = hex_hash(identity.config);
  identity.pipeline_id = hex_hash(result_identity_json(options, false));
  return identity;
}

}  // namespace tilepool
