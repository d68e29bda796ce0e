#include <algorithm>

#include <fmt/format.h>

#include "common/base/units.h"
#include "common/run/time_use.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

double megapixels(std::uint64_t pixels) { return static_cast<double>(pixels) * 1e-6; }

std::string seconds_cell(double seconds) {
  return fmt::format("<td class=\"n\" data-v=\"{}\">{}</td>", seconds, significant(seconds));
}

std::string memory_cell(const RankStatus& rank) {
  const auto peak = static_cast<double>(rank.peak_rss_bytes);
  const auto limit = static_cast<double>(rank.budget_bytes);
  const double share = limit > 0 ? peak / limit : 0;
  return fmt::format(
      "<td class=\"memory\" data-v=\"{}\"><span class=\"bar{}\" aria-hidden=\"true\"><span "
      "style=\"width:{:.1f}%\"></span></span>{} of {} ({:.0f} %)</td>",
      peak, share > 1 ? " over" : "", 100 * std::min(1.0, share), format_bytes(rank.peak_rss_bytes),
      format_bytes(rank.budget_bytes), 100 * share);
}

std::string rank_row(const RankStatus& rank) {
  const double rate = rank.read_s > 0 ? megapixels(rank.pixels_read) / rank.read_s : 0;
  return fmt::format(
             "<tr><th scope=\"row\" class=\"n\" data-v=\"{0}\">{0}</th><td "
             "class=\"t\">{1}{2}</td><td>{3}</td>"
             "<td>{4}</td><td class=\"n\">{5}</td><td class=\"n\" data-v=\"{6}\">{7}</td>"
             "<td class=\"n\" data-v=\"{8:.4g}\">{9}</td>",
             rank.rank, escape_html(rank.role),
             rank.alive ? "" : " <span class=\"badge bad\">lost</span>", escape_html(rank.host),
             escape_html(rank.device), rank.threads, rank.tiles, grouped(rank.tiles), rate,
             rate > 0 ? significant(rate) : "–") +
         seconds_cell(rank.read_s) + seconds_cell(rank.compute_s) + seconds_cell(rank.commit_s) +
         memory_cell(rank) + "</tr>\n";
}

}  // namespace

std::string page_ranks(const RunView& view) {
  std::string html = "<section id=\"ranks\"><h2>Ranks</h2>\n";
  if (!view.status || view.status->ranks.empty())
    return html + "<p>No rank has reported.</p></section>\n";
  if (const std::string use = time_use(*view.status); !use.empty())
    html += fmt::format("<p>Of the computing threads' time: {}.</p>\n", escape_html(use));
  html +=
      "<div class=\"wide\"><table class=\"sortable\"><caption>Of the last attempt. Reading and "
      "computing are seconds summed over threads, Mpx/s is the rate of one reading thread; memory "
      "is the largest resident set against the rank's limit.</caption>\n<thead><tr>"
      "<th scope=\"col\" class=\"n\">Rank</th><th scope=\"col\">Role</th><th scope=\"col\">Host"
      "</th><th scope=\"col\">Device</th><th scope=\"col\" class=\"n\">Threads</th>"
      "<th scope=\"col\" class=\"n\">Tiles</th><th scope=\"col\" class=\"n\">Mpx/s</th>"
      "<th scope=\"col\" class=\"n\">Read s</th><th scope=\"col\" class=\"n\">Compute s</th>"
      "<th scope=\"col\" class=\"n\">Commit s</th><th scope=\"col\">Memory peak</th></tr></thead>\n"
      "<tbody>\n";
  for (const RankStatus& rank : view.status->ranks) html += rank_row(rank);
  return html + "</tbody></table></div></section>\n";
}

}  // namespace tilepool
