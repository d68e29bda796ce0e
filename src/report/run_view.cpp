#include "report/run_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/run/results.h"
#include "report/clock.h"

namespace tilepool {
namespace {

/// The master writes status.json every two seconds, but neither while it plans nor while it packs.
constexpr double kSilent_s = 60;
constexpr double kSilentBusy_s = 900;
constexpr std::uint64_t kBlock = 65536;

/// Calls `read` when `file` is there; a file that is missing or damaged is named in `missing`.
template <class Read>
void read_part(RunView& view, const std::filesystem::path& file, const char* meaning, Read read) {
  if (!std::filesystem::exists(file)) {
    view.missing.push_back(fmt::format("{} is not there: {}", file.filename().string(), meaning));
    return;
  }
  try {
    read();
  } catch (const Error& error) {
    const bool damaged = error.code() == ErrorCode::kIo || error.code() == ErrorCode::kHdf5 ||
                         error.code() == ErrorCode::kConfig;
    if (!damaged) throw;
    view.missing.push_back(one_line(error.what()));
  }
}

void take_cohort(RunView& view) {
  for (const SlideSpec& spec : view.run->cohort) {
    SlideView& slide = view.slides.emplace_back();
    slide.plan.id = spec.id;
    slide.plan.path = spec.path;
    slide.plan.group = spec.group;
    slide.plan.mpp_x = slide.plan.mpp_y = std::numeric_limits<double>::quiet_NaN();
    slide.state = "waiting";
  }
}

void take_plan(const RunLayout& layout, RunView& view) {
  auto plan = std::make_unique<PlanReader>(layout.plan());
  std::vector<SlideView> slides;
  for (PlanSlide& row : plan->slides()) {
    SlideView& slide = slides.emplace_back();
    slide.pool_first = view.n_pool;
    slide.sample_first = view.n_sample;
    slide.state = row.status;
    slide.reason = row.reason;
    slide.plan = std::move(row);
    view.n_grid += static_cast<std::uint64_t>(slide.plan.n_grid);
    view.n_pool += static_cast<std::uint64_t>(slide.plan.n_pool);
    view.n_sample += static_cast<std::uint64_t>(slide.plan.n_sample);
  }
  check(view.n_pool == plan->pool_size() && view.n_sample == plan->sample_size(), ErrorCode::kHdf5,
        "{}: its slides count {} pooled and {} sampled tiles, its tables hold {} and {}",
        layout.plan().string(), view.n_pool, view.n_sample, plan->pool_size(), plan->sample_size());
  view.slides = std::move(slides);
  view.plan_head = plan->head();
  view.outcomes = std::make_unique<TileOutcomes>(layout, *plan);
  view.plan = std::move(plan);
}

void count_tile(SlideView& slide, const PoolTile& tile, const TileOutcome& outcome) {
  slide.n_done += outcome.status == TileStatus::kDone ? 1 : 0;
  slide.n_failed += outcome.status == TileStatus::kFailed ? 1 : 0;
  slide.n_cells += outcome.n_cells;
  slide.seconds += static_cast<double>(outcome.seconds);
  if (outcome.status != TileStatus::kDone) return;
  const double area_mm2 = static_cast<double>(tile.w) * slide.plan.mpp_x *
                          static_cast<double>(tile.h) * slide.plan.mpp_y * 1e-6;
  const double before = slide.n_done == 1 ? 0 : slide.tissue_mm2;
  slide.tissue_mm2 = before + area_mm2 * static_cast<double>(tile.tissue_fraction);
}

// As the ledger has it at the end: a slide all of whose sampled tiles failed has failed.
void judge(SlideView& slide, const std::string& first_reason) {
  if (slide.state != "success") return;
  const std::int64_t sample = slide.plan.n_sample;
  if (slide.n_settled() < sample) slide.state = slide.n_settled() > 0 ? "processing" : "waiting";
  if (slide.n_failed == 0) return;
  if (slide.n_failed == sample) {
    slide.state = "failed";
    slide.reason = fmt::format("all {} sampled tiles failed: {}", sample, first_reason);
  } else {
    slide.reason =
        fmt::format("{} of {} sampled tiles failed: {}", slide.n_failed, sample, first_reason);
  }
}

void count_tiles(RunView& view) {
  for (std::uint64_t first = 0; first < view.n_sample; first += kBlock) {
    const std::uint64_t count = std::min(kBlock, view.n_sample - first);
    for (const PoolTile& tile : view.plan->sample_tiles(first, count))
      count_tile(view.slides.at(tile.slide), tile, view.outcomes->of(tile.slide, tile.x, tile.y));
  }
  std::vector<std::string> reasons(view.slides.size());
  for (const TileFailure& failure : view.outcomes->failures()) {
    std::string& reason = reasons.at(failure.slide);
    if (reason.empty()) reason = failure.reason;
  }
  for (std::size_t i = 0; i < view.slides.size(); ++i) {
    SlideView& slide = view.slides[i];
    judge(slide, reasons[i]);
    view.n_done += static_cast<std::uint64_t>(slide.n_done);
    view.n_failed += static_cast<std::uint64_t>(slide.n_failed);
    view.n_cells += static_cast<std::uint64_t>(slide.n_cells);
  }
}

}  // namespace

double SlideView::density_mm2() const {
  return tissue_mm2 > 0 ? static_cast<double>(n_cells) / tissue_mm2
                        : std::numeric_limits<double>::quiet_NaN();
}

bool RunView::segments() const { return run && run->options.task == TaskKind::kSegment; }

std::uint64_t RunView::slides_in(const std::string& state) const {
  return static_cast<std::uint64_t>(std::count_if(
      slides.begin(), slides.end(), [&](const SlideView& slide) { return slide.state == state; }));
}

RunView load_run(const RunLayout& layout) {
  const bool any = std::filesystem::exists(layout.run_json()) ||
                   std::filesystem::exists(layout.status()) ||
                   std::filesystem::exists(layout.plan());
  check(any, ErrorCode::kNoInput,
        "{} holds no run (neither run.json nor status.json nor plan.h5); give the folder that "
        "--run-dir named, by default runs/<config name>",
        layout.root().string());
  RunView view;
  const auto root = std::filesystem::absolute(layout.root()).lexically_normal();
  view.name = (root.has_filename() ? root : root.parent_path()).filename().string();
  read_part(view, layout.status(), "how far the run came is known from its files only",
            [&] { view.status = read_status(layout.status()); });
  read_part(view, layout.run_json(), "the configuration is unknown", [&] {
    view.run = read_run_json(layout.run_json());
    take_cohort(view);
  });
  read_part(view, layout.plan(), "the slides are not scanned yet, nothing is pooled or sampled",
            [&] { take_plan(layout, view); });
  if (view.plan == nullptr) return view;
  count_tiles(view);
  for (const std::string& problem : view.outcomes->problems()) view.missing.push_back(problem);
  view.has_results = results_job_id(layout.results()) == view.plan_head->job_id;
  if (!view.has_results)
    view.missing.push_back("results.h5 of this job is not there: it is written at the end");
  return view;
}

std::optional<double> heartbeat_age_s(const RunStatus& status) {
  const std::optional<double> updated = parse_iso8601(status.updated);
  if (status.exit_code >= 0 || !updated) return std::nullopt;
  return std::max(0.0, unix_now_s() - *updated);
}

bool heartbeat_is_old(const RunStatus& status) {
  const bool busy = status.state == "planning" || status.state == "packing";
  return heartbeat_age_s(status).value_or(0) > (busy ? kSilentBusy_s : kSilent_s);
}

std::string exit_code_meaning(int exit_code) {
  switch (exit_code) {
    case 0:
      return "every slide succeeded or was skipped for a stated reason";
    case 3:
      return "finished, but some slides or tiles failed";
    case 64:
      return "the command line was wrong";
    case 66:
      return "no input: a path, glob or manifest gave nothing";
    case 70:
      return "internal error";
    case 74:
      return "something could not be read or written";
    case 75:
      return "stopped before the end; the same command again resumes";
    case 78:
      return "the configuration was refused";
    default:
      return exit_code < 0 ? "the run has not ended" : "the run ended with an error";
  }
}

}  // namespace tilepool
