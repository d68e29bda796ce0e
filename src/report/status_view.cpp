#include "report/status_view.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/run/time_use.h"
#include "report/clock.h"
#include "report/html.h"
#include "report/run_view.h"
#include "report/text_table.h"

namespace tilepool {
namespace {

using Json = nlohmann::ordered_json;
using Align = TextTable::Align;
constexpr std::size_t kIdWidth = 48;

std::string heartbeat_line(const RunStatus& status) {
  const std::optional<double> age = heartbeat_age_s(status);
  if (!age) return "";
  std::string line = fmt::format("last heartbeat {} ago", format_duration(*age));
  if (heartbeat_is_old(status))
    line += ": the run may be dead; run the same command again to resume";
  return line + "\n";
}

std::string state_lines(const RunView& view) {
  if (!view.status) return "state      unknown (no status.json)\n";
  const RunStatus& status = *view.status;
  std::string text = fmt::format("state      {}", status.state);
  if (status.exit_code >= 0)
    text +=
        fmt::format(", exit code {}: {}", status.exit_code, exit_code_meaning(status.exit_code));
  text += "\n";
  if (!status.message.empty()) text += fmt::format("message    {}\n", one_line(status.message));
  text += fmt::format("started    {}   {} {}   elapsed {}\n", readable_time(status.started),
                      status.exit_code < 0 ? "updated" : "ended", readable_time(status.updated),
                      format_duration(status.elapsed_s));
  return text + heartbeat_line(status);
}

std::string progress_lines(const RunView& view) {
  std::string text;
  if (!view.plan && view.status)
    return fmt::format("slides     {} of {} scanned\n", view.status->slides_scanned,
                       view.status->slides);
  text +=
      fmt::format("slides     {}: {} success, {} skipped, {} failed, {} open\n", view.slides.size(),
                  view.slides_in("success"), view.slides_in("skipped"), view.slides_in("failed"),
                  view.slides_in("processing") + view.slides_in("waiting"));
  text += fmt::format("sample     {} of {} pooled tiles ({}), grid {}\n", grouped(view.n_sample),
                      grouped(view.n_pool),
                      percent(static_cast<double>(view.n_sample), static_cast<double>(view.n_pool)),
                      grouped(view.n_grid));
  text += fmt::format("tiles      {} done, {} failed, {} to do\n", grouped(view.n_done),
                      grouped(view.n_failed), grouped(view.n_sample - view.n_done - view.n_failed));
  if (view.segments()) text += fmt::format("cells      {}\n", grouped(view.n_cells));
  if (view.status && view.status->tiles_per_s > 0) {
    text += fmt::format("rate       {} tiles/s", significant(view.status->tiles_per_s));
    if (view.status->eta_s >= 0 && view.status->exit_code < 0)
      text += fmt::format(", {} to go", format_duration(view.status->eta_s));
    text += "\n";
  }
  const std::string use = view.status ? time_use(*view.status) : "";
  if (!use.empty()) text += fmt::format("time       {}\n", use);
  return text;
}

std::string rank_table(const RunStatus& status) {
  if (status.ranks.empty()) return "";
  TextTable table({{"rank", Align::kRight},
                   {"role"},
                   {"host"},
                   {"device"},
                   {"threads", Align::kRight},
                   {"tiles", Align::kRight},
                   {"resident", Align::kRight},
                   {"peak", Align::kRight},
                   {"limit", Align::kRight},
                   {"peak/limit", Align::kRight},
                   {"state"}});
  for (const RankStatus& rank : status.ranks) {
    const bool running = status.exit_code < 0;
    std::string state = rank.alive ? (running ? "alive" : "left") : "lost";
    if (running && rank.alive && rank.silent_s > 10)
      state = fmt::format("silent for {}", format_duration(rank.silent_s));
    table.add(
        {fmt::format("{}", rank.rank), rank.role, rank.host, rank.device,
         fmt::format("{}", rank.threads), grouped(rank.tiles), format_bytes(rank.rss_bytes),
         format_bytes(rank.peak_rss_bytes), format_bytes(rank.budget_bytes),
         percent(static_cast<double>(rank.peak_rss_bytes), static_cast<double>(rank.budget_bytes)),
         state});
  }
  return "\n" + table.text();
}

std::string slide_table(const RunView& view) {
  if (view.slides.empty()) return "";
  TextTable table({{"slide"},
                   {"status"},
                   {"pool", Align::kRight},
                   {"sample", Align::kRight},
                   {"done", Align::kRight},
                   {"failed", Align::kRight},
                   {"cells", Align::kRight},
                   {"reason"}});
  for (const SlideView& slide : view.slides)
    table.add({shortened(slide.plan.id, kIdWidth), slide.state, grouped(slide.plan.n_pool),
               grouped(slide.plan.n_sample), grouped(slide.n_done), grouped(slide.n_failed),
               grouped(slide.n_cells), one_line(slide.reason)});
  return "\n" + table.text();
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string as_json(const RunView& view) {
  Json document = view.status ? Json::parse(status_to_json(*view.status)) : Json::object();
  const std::optional<double> age =
      view.status ? heartbeat_age_s(*view.status) : std::optional<double>();
  document["heartbeat_age_s"] = age ? Json(*age) : Json(nullptr);
  document["missing"] = view.missing;
  document["per_slide"] = Json::array();
  for (const SlideView& slide : view.slides)
    document["per_slide"].push_back({{"id", slide.plan.id},
                                     {"path", slide.plan.path},
                                     {"group", slide.plan.group},
                                     {"status", slide.state},
                                     {"reason", slide.reason},
                                     {"grid", slide.plan.n_grid},
                                     {"pool", slide.plan.n_pool},
                                     {"sample", slide.plan.n_sample},
                                     {"done", slide.n_done},
                                     {"failed", slide.n_failed},
                                     {"cells", slide.n_cells},
                                     {"cells_per_mm2", number_or_null(slide.density_mm2())},
                                     {"seconds", slide.seconds}});
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string render_status(const RunLayout& layout, bool json) {
  const RunView view = load_run(layout);
  if (json) return as_json(view);
  std::string text = fmt::format("run        {}\n", layout.root().string());
  text += state_lines(view) + progress_lines(view);
  if (view.has_results) text += fmt::format("results    {}\n", layout.results().string());
  if (view.status) text += rank_table(*view.status);
  text += slide_table(view);
  for (const std::string& part : view.missing) text += "\nnote: " + part;
  return view.missing.empty() ? text : text + "\n";
}

int run_exit_code(const RunLayout& layout) {
  constexpr int kNotEnded = 75;
  if (!std::filesystem::exists(layout.status())) return kNotEnded;
  const int code = read_status(layout.status()).exit_code;
  return code >= 0 ? code : kNotEnded;
}

}  // namespace tilepool
