#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "common/base/units.h"
#include "common/model/class_colours.h"
#include "report/html.h"
#include "report/page.h"
#include "report/slide_picture.h"

namespace tilepool {
namespace {

// The boxes stand beside the cards, not in a list of their own, so that style alone can hide a
// layer.
constexpr char kLayers[] = R"(<span class="show">Show</span>
<input type="checkbox" id="show-tissue" checked><label for="show-tissue">tissue</label>
<input type="checkbox" id="show-tiles" checked><label for="show-tiles">tiles</label>
)";
constexpr char kCellLayer[] =
    R"(<input type="checkbox" id="show-cells" checked><label for="show-cells">cells</label>
)";
constexpr char kLegend[] = R"(<ul class="legend">
<li><svg class="slide key" viewBox="0 0 16 16" aria-hidden="true"><path class="tissue" d="M2 8C2 2 7 1 10 3s5 4 3 8-11 4-11-3z"/></svg>tissue</li>
<li><svg class="slide key" viewBox="-.2 -.2 1.4 1.4" aria-hidden="true"><path class="pool" d="M0 0h1v1h-1z"/></svg>in the pool</li>
<li><svg class="slide key" viewBox="-.2 -.2 1.4 1.4" aria-hidden="true"><path class="done" d="M0 0h1v1h-1z"/></svg>sampled, done</li>
<li><svg class="slide key" viewBox="-.2 -.2 1.4 1.4" aria-hidden="true"><path class="wait" d="M0 0h1v1h-1z"/></svg>sampled, not done yet</li>
<li><svg class="slide key" viewBox="-.2 -.2 1.4 1.4" aria-hidden="true"><path class="fail" d="M0 0h1v1h-1z"/><path class="cross" d="M0 0l1 1m0-1l-1 1"/></svg>failed</li>
)";

std::string class_keys(const CohortSurvey& survey) {
  std::string html;
  for (std::size_t c = 0; c < survey.classes.size(); ++c) {
    const Rgb colour = class_colour(c);
    html += fmt::format(
        "<li><svg class=\"key\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M4 "
        "4h8v8h-8z\" "
        "fill=\"#{:02x}{:02x}{:02x}\"/></svg>{}</li>\n",
        colour[0], colour[1], colour[2], escape_html(survey.classes[c]));
  }
  return html;
}

std::string cells_caption(const CohortSurvey& survey) {
  if (survey.classes.empty()) return "";
  return fmt::format(
      "<p class=\"caption\">Cells are counted in small squares: the stronger the colour, the more "
      "for this slide{}.</p>\n",
      survey.classes.size() > 1
          ? "; where classes meet, the one with the fewest cells in the run is shown"
          : "");
}

std::string cells_of(const CohortSurvey& survey, std::size_t index) {
  return survey.cell_pictures.empty() ? "" : survey.cell_pictures[index];
}

std::string count_text(std::int64_t value) { return grouped(value); }

std::string badge(const SlideView& slide) {
  const char* style = slide.state == "failed"       ? "bad"
                      : slide.state == "success"    ? "good"
                      : slide.state == "processing" ? "live"
                                                    : "quiet";
  return fmt::format("<span class=\"badge {}\">{}</span>", style, escape_html(slide.state));
}

/// Beside the state: a slide of which only some tiles failed has not failed.
std::string failed_badge(const SlideView& slide) {
  if (slide.n_failed == 0 || slide.state == "failed") return "";
  return fmt::format(" <span class=\"badge bad\">{} failed</span>",
                     counted(static_cast<std::uint64_t>(slide.n_failed), "tile"));
}

std::string mpp_text(const SlideView& slide, const std::string& source) {
  const PlanSlide& plan = slide.plan;
  if (!std::isfinite(plan.mpp_x)) return "unknown";
  std::string text = plan.mpp_x == plan.mpp_y
                         ? fmt::format("{:.4g} µm/px", plan.mpp_x)
                         : fmt::format("{:.4g} × {:.4g} µm/px", plan.mpp_x, plan.mpp_y);
  return source.empty() ? text : text + ", from " + escape_html(source);
}

std::string row(const char* name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", name, value);
}

std::string density_text(const SlideView& slide) {
  return std::isfinite(slide.density_mm2()) ? significant(slide.density_mm2()) + " per mm²" : "";
}

std::string card(const RunView& view, const SlideView& slide, const SlidePicture& picture) {
  const PlanSlide& plan = slide.plan;
  const bool empty = picture.svg.empty();
  std::string html = fmt::format(
      "<article class=\"card\"><div class=\"picture{}\">{}</div>\n", empty ? " empty" : "",
      empty ? "<p>" + escape_html(picture.why_empty) + "</p>" : picture.svg);
  html +=
      fmt::format("<h3>{} {}{}</h3>\n", escape_html(plan.id), badge(slide), failed_badge(slide));
  if (!slide.reason.empty())
    html += fmt::format("<p class=\"reason{}\">{}</p>\n", slide.state == "skipped" ? " quiet" : "",
                        escape_html(slide.reason));
  html += "<dl>";
  if (!plan.group.empty()) html += row("Group", escape_html(plan.group));
  if (plan.width > 0)
    html += row("Size", fmt::format("{} × {} px", count_text(plan.width), count_text(plan.height)));
  if (plan.width > 0) html += row("Resolution", mpp_text(slide, picture.mpp_source));
  if (view.plan)
    html += row("Tiles", fmt::format("{} in grid, {} pooled, {} sampled", count_text(plan.n_grid),
                                     count_text(plan.n_pool), count_text(plan.n_sample)));
  if (plan.n_sample > 0)
    html += row("Done",
                fmt::format("{} of {}{}", count_text(slide.n_done), count_text(plan.n_sample),
                            slide.n_failed > 0 ? fmt::format(", {} failed", slide.n_failed) : ""));
  if (view.segments() && plan.n_sample > 0) {
    const std::string density = density_text(slide);
    html += row("Cells", count_text(slide.n_cells) + (density.empty() ? "" : ", " + density));
  }
  return html + "</dl></article>\n";
}

std::string number_cell(double value, const std::string& text) {
  return fmt::format("<td class=\"n\" data-v=\"{}\">{}</td>", std::isfinite(value) ? value : -1,
                     text);
}

std::string count_cell(std::int64_t value) {
  return number_cell(static_cast<double>(value), count_text(value));
}

bool has_groups(const RunView& view) {
  return std::any_of(view.slides.begin(), view.slides.end(),
                     [](const SlideView& slide) { return !slide.plan.group.empty(); });
}

std::string table_row(const RunView& view, const SlideView& slide, bool groups) {
  const PlanSlide& plan = slide.plan;
  std::string html = fmt::format("<tr><th scope=\"row\">{}</th>", escape_html(plan.id));
  if (groups) html += fmt::format("<td>{}</td>", escape_html(plan.group));
  html += fmt::format("<td>{}</td>", badge(slide));
  html += count_cell(plan.n_grid) + count_cell(plan.n_pool) + count_cell(plan.n_sample) +
          count_cell(slide.n_done) + count_cell(slide.n_failed);
  if (view.segments())
    html += count_cell(slide.n_cells) +
            number_cell(slide.density_mm2(), significant(slide.density_mm2()));
  html += number_cell(
      plan.mpp_x, std::isfinite(plan.mpp_x) ? fmt::format("{:.4f}", plan.mpp_x) : std::string("–"));
  html += number_cell(slide.seconds, format_duration(slide.seconds));
  return html + fmt::format("<td class=\"why\">{}</td></tr>\n", escape_html(slide.reason));
}

std::string heading(const char* title, bool number) {
  return fmt::format("<th scope=\"col\"{}>{}</th>", number ? " class=\"n\"" : "", title);
}

std::string table(const RunView& view) {
  std::string html =
      "<section id=\"table\"><h2>All slides</h2>\n<div class=\"wide\"><table class=\"sortable\">"
      "<caption>Tiles are counted in the grid, in the pool, in the sample, and by their outcome; "
      "time is reading and computing, summed over threads.</caption>\n<thead><tr>";
  const bool groups = has_groups(view);
  html +=
      heading("Slide", false) + (groups ? heading("Group", false) : "") + heading("Status", false);
  for (const char* title : {"Grid", "Pool", "Sample", "Done", "Failed"})
    html += heading(title, true);
  if (view.segments()) html += heading("Cells", true) + heading("Cells/mm²", true);
  html += heading("µm/px", true) + heading("Time", true) + heading("Reason", false);
  html += "</tr></thead>\n<tbody>\n";
  for (const SlideView& slide : view.slides) html += table_row(view, slide, groups);
  return html + "</tbody></table></div></section>\n";
}

}  // namespace

std::string page_slides(const RunLayout& layout, const RunView& view, const CohortSurvey& survey,
                        Budget& budget) {
  std::string html = "<section id=\"slides\"><h2>Slides</h2>\n";
  if (view.slides.empty())
    return html + "<p>The slides of this run are not known yet.</p></section>\n";
  html += kLayers + std::string(survey.classes.empty() ? "" : kCellLayer);
  html += kLegend + class_keys(survey) + "</ul>\n" + cells_caption(survey);
  html += "<div class=\"cards\">\n";
  const std::size_t most_bytes = picture_bytes(view.slides.size());
  for (std::size_t i = 0; i < view.slides.size(); ++i)
    html += card(view, view.slides[i],
                 draw_slide(layout, view, i, cells_of(survey, i), most_bytes, budget));
  return html + "</div></section>\n" + table(view);
}

}  // namespace tilepool
