#include <cmath>

#include <fmt/format.h>

#include "common/base/system.h"
#include "common/base/units.h"
#include "report/clock.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

/// How the run stands, for the badge: a word and its class.
struct Verdict {
  const char* word;
  const char* style;
};

Verdict verdict(const RunView& view) {
  if (!view.status) return {"unknown", "quiet"};
  const RunStatus& status = *view.status;
  if (status.exit_code == 0) return {"finished", "good"};
  if (status.exit_code == 3) return {"finished with failures", "bad"};
  if (status.exit_code == 75) return {"stopped", "quiet"};
  if (status.exit_code > 0) return {"failed", "bad"};
  return heartbeat_is_old(status) ? Verdict{"silent", "bad"} : Verdict{"running", "live"};
}

/// A message as a sentence: its first letter large, a full stop at its end.
std::string sentence(std::string text) {
  if (text.front() >= 'a' && text.front() <= 'z')
    text.front() = static_cast<char>(text.front() - 32);
  return escape_html(text) + (text.ends_with('.') ? "" : ".");
}

std::string how_it_ended(const RunView& view) {
  if (!view.status) return "status.json is missing: how the run ended is not known.";
  const RunStatus& status = *view.status;
  if (status.exit_code < 0) {
    std::string text =
        fmt::format("Not finished: {} when this page was written.", escape_html(status.state));
    if (heartbeat_is_old(status))
      text += fmt::format(
          " The last heartbeat was {} earlier: the run may be dead; run the same command again to "
          "resume.",
          format_duration(heartbeat_age_s(status).value_or(0)));
    return text;
  }
  std::string text =
      fmt::format("Exit code {}: {}.", status.exit_code, exit_code_meaning(status.exit_code));
  if (!status.message.empty()) text += "</p>\n<p class=\"lede\">" + sentence(status.message);
  return text;
}

std::string seed_of(const RunView& view) {
  if (view.plan_head) return fmt::format("{}", view.plan_head->seed);
  return view.run ? fmt::format("{}", view.run->options.sample.seed) : "unknown";
}

std::string sampling_sentence(const RunView& view) {
  if (!view.plan_head) return "not drawn yet.";
  return fmt::format(
      "<strong>{} of {}</strong> pooled tiles ({}), seed {}. The pool is every tile of the cohort "
      "with enough tissue: {} of {} in the grid.",
      grouped(view.n_sample), grouped(view.n_pool),
      percent(static_cast<double>(view.n_sample), static_cast<double>(view.n_pool)), seed_of(view),
      grouped(view.n_pool), grouped(view.n_grid));
}

std::string slides_note(const RunView& view) {
  const std::uint64_t failed = view.slides_in("failed");
  const std::uint64_t skipped = view.slides_in("skipped");
  std::string note = fmt::format("{} succeeded", grouped(view.slides_in("success")));
  if (failed > 0) note += fmt::format(", <a href=\"#failures\">{} failed</a>", grouped(failed));
  if (skipped > 0) note += fmt::format(", {} skipped", grouped(skipped));
  const std::uint64_t open = view.slides_in("processing") + view.slides_in("waiting");
  return open > 0 ? note + fmt::format(", {} open", grouped(open)) : note;
}

std::string figures(const RunView& view) {
  std::string html = "<dl class=\"figures\">\n";
  html += page_figure(grouped(static_cast<std::uint64_t>(view.slides.size())), "slides",
                      slides_note(view));
  std::string tiles = fmt::format("of {} sampled", grouped(view.n_sample));
  if (view.n_failed > 0)
    tiles += fmt::format(", <a href=\"#failures\">{} failed</a>", grouped(view.n_failed));
  html += page_figure(grouped(view.n_done), "tiles done", tiles);
  if (view.segments()) {
    double tissue = 0;
    for (const SlideView& slide : view.slides)
      if (std::isfinite(slide.tissue_mm2)) tissue += slide.tissue_mm2;
    html += page_figure(grouped(view.n_cells), "cells",
                        tissue > 0 ? fmt::format("in {} mm² of sampled tissue", significant(tissue))
                                   : std::string("centroid inside a sampled tile"));
  }
  if (view.status) {
    const RunStatus& status = *view.status;
    const bool resumed = status.tiles_resumed > 0;
    html += page_figure(
        format_duration(status.elapsed_s), resumed ? "this attempt" : "elapsed",
        resumed ? fmt::format("{} from earlier attempts", counted(status.tiles_resumed, "tile"))
                : fmt::format("{} of it processing tiles", format_duration(status.processing_s)));
  }
  return html + "</dl>\n";
}

std::string fact(const std::string& name, const std::string& value) {
  return value.empty() ? "" : fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
}

std::string time_html(const std::string& iso) {
  if (iso.empty()) return "";
  return fmt::format("<time datetime=\"{}\">{}</time>", escape_html(iso),
                     escape_html(readable_time(iso)));
}

std::string facts(const RunView& view) {
  std::string html = "<dl class=\"facts\">\n";
  if (view.status) {
    html += fact("Started", time_html(view.status->started));
    html += fact(view.status->exit_code < 0 ? "Last heartbeat" : "Ended",
                 time_html(view.status->updated));
  }
  html += fact("Page written", time_html(iso8601_now()));
  if (view.plan_head)
    html += fact("Job", "<code>" + escape_html(view.plan_head->job_id) + "</code>");
  if (view.run) {
    const auto& facts = view.run->provenance;
    const auto version = facts.find("tilepool");
    if (version != facts.end()) html += fact("tilepool", escape_html(version->second));
    const auto config = facts.find("config");
    if (config != facts.end())
      html += fact("Configuration", "<code>" + escape_html(config->second) + "</code>");
  }
  html += fact("Seed", seed_of(view));
  return html + "</dl>\n";
}

std::string missing_parts(const RunView& view) {
  if (view.missing.empty()) return "";
  std::string html = "<div class=\"note\"><p>Not in this report:</p><ul>\n";
  for (const std::string& part : view.missing) html += "<li>" + escape_html(part) + "</li>\n";
  return html + "</ul></div>\n";
}

}  // namespace

std::string page_head(const RunView& view) {
  const Verdict v = verdict(view);
  return fmt::format(
             "<header>\n<p class=\"kicker\">tilepool run report</p>\n<h1>{} <span class=\"badge "
             "{}\">{}</span></h1>\n<p class=\"lede\">{}</p>\n<p class=\"sampling\">Sample: "
             "{}</p>\n",
             escape_html(view.name), v.style, v.word, how_it_ended(view), sampling_sentence(view)) +
         figures(view) + facts(view) + missing_parts(view) +
         "<nav aria-label=\"Sections\"><a href=\"#slides\">Slides</a><a href=\"#table\">Table</a>"
         "<a href=\"#groups\">Groups</a>"
         "<a href=\"#failures\">Failures</a><a href=\"#ranks\">Ranks</a><a href=\"#throughput\">"
         "Throughput</a><a href=\"#provenance\">Provenance</a></nav>\n</header>\n";
}

}  // namespace tilepool
