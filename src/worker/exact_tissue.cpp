#include "worker/exact_tissue.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/memory/buffer.h"
#include "common/run/tissue_decision.h"
#include "common/slide/region.h"

namespace tilepool {
namespace {

constexpr std::int64_t kBlockEdge = 1024;  // level-0 px
constexpr std::size_t kLeastSample = 16;
constexpr std::size_t kMostSample = 64;
constexpr std::size_t kSampleShare = 50;  // one in so many candidates
// Beyond what was measured: a fifth of it, and two hundredths.
constexpr double kMargin = 0.2;
constexpr double kSlack = 0.02;
// Region and core are compared in scan pixels, level-0 pixels by their centres.
constexpr double kRounding = 0.01;

std::int64_t block_edge(std::int64_t reach_px) { return kBlockEdge + 2 * reach_px; }

}  // namespace

TileJudge::TileJudge(SlideSource& source, const TissueRule& rule, const ScanMasks& masks,
                     Budget& budget)
    : source_(source),
      rule_(rule),
      masks_(masks),
      reach_px_(tissue_reach_px(rule, masks.downsample)),
      scratch_(budget, tile_judge_bytes(rule, masks.downsample), "judging tissue at level 0") {}

std::size_t tile_judge_bytes(const TissueRule& rule, double downsample) {
  const std::int64_t edge = block_edge(tissue_reach_px(rule, downsample));
  return 4 * arena_bytes(static_cast<std::size_t>(edge * edge)) +
         raw_tissue_scratch_bytes(edge, edge);
}

TileEvidence TileJudge::judge(const Rect& core) {
  TileEvidence evidence;
  const Rect slide{0, 0, source_.info().width, source_.info().height};
  for (std::int64_t y = core.y; y < core.y + core.h; y += kBlockEdge) {
    for (std::int64_t x = core.x; x < core.x + core.w; x += kBlockEdge) {
      const Rect block = intersection({x, y, kBlockEdge, kBlockEdge}, core);
      const Rect around = intersection({block.x - reach_px_, block.y - reach_px_,
                                        block.w + 2 * reach_px_, block.h + 2 * reach_px_},
                                       slide);
      scratch_.reset();
      const RgbView rgb = scratch_.take_rgb(around.w, around.h);
      source_.read(0, around.x, around.y, rgb);
      const auto tissue = scratch_.take_image<std::uint8_t>(around.w, around.h);
      apply_tissue(rule_, rgb, masks_.downsample, scratch_, tissue);
      count(block, tissue.window(block.x - around.x, block.y - around.y, block.w, block.h),
            evidence);
    }
  }
  return evidence;
}

void TileJudge::count(const Rect& block, ImageView<const std::uint8_t> tissue,
                      TileEvidence& evidence) {
  const auto scan_px = [&](std::int64_t level0, std::int64_t extent) {
    return std::min(extent - 1, static_cast<std::int64_t>((static_cast<double>(level0) + 0.5) /
                                                          masks_.downsample));
  };
  for (std::int64_t y = 0; y < block.h; ++y) {
    const std::int64_t row = scan_px(block.y + y, masks_.region.height);
    const std::uint8_t* pixels = tissue.row(y);
    for (std::int64_t x = 0; x < block.w;) {
      // Pixels of one scan pixel lie together.
      const std::int64_t column = scan_px(block.x + x, masks_.region.width);
      std::int64_t n = 0;
      std::int64_t ones = 0;
      do {
        ones += pixels[x + n];
        ++n;
      } while (x + n < block.w && scan_px(block.x + x + n, masks_.region.width) == column);
      x += n;
      if (masks_.region.at(column, row) == 0) continue;
      const bool dark = masks_.dark.at(column, row) != 0;
      (dark ? evidence.dark_px : evidence.pale_px) += n;
      (dark ? evidence.dark_tissue_px : evidence.pale_tissue_px) += ones;
    }
  }
}

namespace {

/// The search of judge_exactly: what is known of each tile, and how wrong the scan was so far.
class Search {
 public:
  Search(const std::string& slide_id, const TileGrid& grid, double min_fraction,
         const ScanMasks& masks, TileJudge& judge, Budget& budget, std::vector<float>& fractions)
      : slide_id_(slide_id),
        grid_(grid),
        min_fraction_(min_fraction),
        judge_(judge),
        region_(tissue_fractions(masks.region, masks.downsample, grid, budget)),
        fractions_(fractions),
        judged_(region_.size(), false) {
    for (std::size_t i = 0; i < region_.size(); ++i)
      if (region_[i] >= min_fraction - kRounding) candidates_.push_back(i);
    result_.candidates = static_cast<std::int64_t>(candidates_.size());
  }

  ExactTissue run() {
    if (min_fraction_ <= 0) return result_;  // every tile is in the pool
    for (const std::size_t tile : sample()) judge(tile);
    for (std::vector<std::size_t> next = doubtful(); !next.empty(); next = doubtful())
      for (const std::size_t tile : next) judge(tile);
    return result_;
  }

 private:
  [[nodiscard]] Rect core(std::size_t tile) const {
    const auto index = static_cast<std::int64_t>(tile);
    return grid_.core(index % grid_.columns(), index / grid_.columns());
  }
  [[nodiscard]] double distance(std::size_t tile) const {
    return std::fabs(static_cast<double>(fractions_[tile]) - min_fraction_);
  }

  [[nodiscard]] std::set<std::size_t> sample() const {
    const std::size_t n = std::clamp(candidates_.size() / kSampleShare, kLeastSample, kMostSample);
    std::set<std::size_t> chosen;
    const auto take = [&](std::size_t count, const auto& rank) {
      std::vector<std::pair<decltype(rank(std::size_t{0})), std::size_t>> order;
      for (const std::size_t tile : candidates_) order.emplace_back(rank(tile), tile);
      std::sort(order.begin(), order.end());
      for (std::size_t i = 0; i < std::min(count, order.size()); ++i)
        chosen.insert(order[i].second);
    };
    take(n / 2, [&](std::size_t tile) { return distance(tile); });
    take(n - n / 2,
         [&](std::size_t tile) { return tile_key(slide_id_, core(tile).x, core(tile).y, 0); });
    return chosen;
  }

  void judge(std::size_t tile) {
    judged_[tile] = true;
    ++result_.judged;
    try {
      const Rect place = core(tile);
      const TileEvidence evidence = judge_.judge(place);
      const auto area = static_cast<double>(place.w * place.h);
      fractions_[tile] = static_cast<float>(static_cast<double>(evidence.tissue_px()) / area);
      learn(evidence, area);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kSlide) throw;
      ++result_.unreadable;
    }
  }

  /// Parts too small to carry a tile over the threshold do not tell how wrong the scan can be.
  void learn(const TileEvidence& evidence, double area) {
    const auto share = [](std::int64_t part, std::int64_t whole) {
      return static_cast<double>(part) / static_cast<double>(whole);
    };
    const double enough = min_fraction_ / 2 * area;
    if (static_cast<double>(evidence.dark_px) >= enough)
      result_.kept = std::min(result_.kept, share(evidence.dark_tissue_px, evidence.dark_px));
    if (static_cast<double>(evidence.pale_px) >= enough)
      result_.found = std::max(result_.found, share(evidence.pale_tissue_px, evidence.pale_px));
  }

  [[nodiscard]] std::vector<std::size_t> doubtful() const {
    const double kept = std::max(0.0, (1 - kMargin) * result_.kept - kSlack);
    const double found = (1 + kMargin) * result_.found + kSlack;
    std::vector<std::size_t> tiles;
    for (const std::size_t tile : candidates_) {
      const auto dark = static_cast<double>(fractions_[tile]);
      const double pale = static_cast<double>(region_[tile]) - dark;
      const bool maybe_in = dark + found * pale >= min_fraction_ - kRounding;
      const bool maybe_out = kept * dark < min_fraction_ + kRounding;
      if (!judged_[tile] && maybe_in && maybe_out) tiles.push_back(tile);
    }
    std::sort(tiles.begin(), tiles.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(distance(a), a) < std::pair(distance(b), b);
    });
    return tiles;
  }

  const std::string& slide_id_;
  const TileGrid& grid_;
  const double min_fraction_;
  TileJudge& judge_;
  const std::vector<float> region_;
  std::vector<float>& fractions_;
  std::vector<bool> judged_;
  std::vector<std::size_t> candidates_;
  ExactTissue result_;
};

}  // namespace

ExactTissue judge_exactly(const std::string& slide_id, const TileGrid& grid, double min_fraction,
                          const ScanMasks& masks, TileJudge& judge, Budget& budget,
                          std::vector<float>& fractions) {
  fractions = tissue_fractions(masks.dark, masks.downsample, grid, budget);
  return Search(slide_id, grid, min_fraction, masks, judge, budget, fractions).run();
}

}  // namespace tilepool
