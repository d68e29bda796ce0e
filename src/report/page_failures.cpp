#include <map>
#include <utility>

#include <fmt/format.h>

#include "report/clock.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {
namespace {

constexpr std::size_t kMostGroups = 200;
constexpr std::size_t kMostPlaces = 6;

/// As a POSIX shell reads it back.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string slide_failures(const RunView& view) {
  std::string rows;
  for (const SlideView& slide : view.slides)
    if (slide.state == "failed")
      rows += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"why\">{}</td></tr>\n",
                          escape_html(slide.plan.id), escape_html(slide.reason));
  if (rows.empty()) return "";
  return fmt::format(
      "<h3>{}</h3>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Slide</th>"
      "<th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
      counted(view.slides_in("failed"), "slide"), rows);
}

/// Tiles of one slide that failed for the same reason.
struct Group {
  std::size_t tiles = 0;
  std::string places;
};

std::string tile_failures(const RunView& view) {
  if (view.n_failed == 0) return "";
  std::map<std::pair<std::uint32_t, std::string>, Group> groups;
  for (const TileFailure& failure : view.outcomes->failures()) {
    Group& group = groups[{failure.slide, failure.reason}];
    if (++group.tiles <= kMostPlaces)
      group.places +=
          fmt::format("{}({}, {})", group.places.empty() ? "" : " ", failure.x, failure.y);
  }
  std::string html = fmt::format(
      "<h3>{}</h3>\n<div class=\"wide\"><table><caption>Places are the upper left corners of the "
      "tiles' cores in level-0 pixels.</caption><thead><tr><th scope=\"col\">Slide</th><th "
      "scope=\"col\" class=\"n\">Tiles</th><th scope=\"col\">Reason</th><th scope=\"col\">"
      "Where</th></tr></thead>\n<tbody>\n",
      counted(view.n_failed, "tile"));
  std::size_t shown = 0;
  for (const auto& [key, group] : groups) {
    if (++shown > kMostGroups) break;
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"why\">{}</td><td "
        "class=\"places\">{}{}</td></tr>\n",
        escape_html(view.slides.at(key.first).plan.id),
        grouped(static_cast<std::uint64_t>(group.tiles)), escape_html(key.second), group.places,
        group.tiles > kMostPlaces ? fmt::format(" and {} more", group.tiles - kMostPlaces) : "");
  }
  html += "</tbody></table></div>\n";
  if (groups.size() > kMostGroups)
    html += fmt::format("<p>And {} more reasons.</p>\n", groups.size() - kMostGroups);
  return html;
}

std::string noted_events(const EventHistory& history) {
  if (history.noted.empty()) return "";
  std::string html = fmt::format(
      "<h3>On the way</h3>\n<div class=\"wide\"><table><caption>Warnings and errors of events.jsonl"
      "{}.</caption><thead><tr><th scope=\"col\">Time</th><th scope=\"col\" class=\"n\">Rank</th>"
      "<th scope=\"col\">Event</th><th scope=\"col\">Reason</th></tr></thead>\n<tbody>\n",
      history.n_noted > history.noted.size()
          ? fmt::format(", the last {} of {}", history.noted.size(), history.n_noted)
          : "");
  for (const NotedEvent& event : history.noted)
    html += fmt::format(
        "<tr><td class=\"t\">{}</td><td class=\"n\">{}</td><td>{}</td><td class=\"why\">{}</td>"
        "</tr>\n",
        escape_html(readable_time(event.time)), event.rank, escape_html(event.event),
        escape_html(event.reason));
  return html + "</tbody></table></div>\n";
}

// Not while the run is alive: two masters in one folder would be in each other's way.
std::string way_out(const RunLayout& layout, const RunView& view, bool failures) {
  const std::string command = escape_html(run_command_line(layout, view));
  const int exit_code = view.status ? view.status->exit_code : -1;
  if (command.empty() || (view.status && exit_code < 0 && !heartbeat_is_old(*view.status)))
    return "";
  std::string html;
  if (exit_code != 0 && exit_code != 3)
    html += fmt::format(
        "<p>The same command again resumes; what is committed is not computed again:</p>\n"
        "<pre>{}</pre>\n",
        command);
  if (failures)
    html += fmt::format(
        "<p>What failed is recorded as failed and is not tried again when the run is resumed. Once "
        "the cause is mended, start over; this removes the results in this folder first (or give "
        "another <code>--run-dir</code> to keep them):</p>\n<pre>{} --fresh</pre>\n",
        command);
  return html.empty() ? "" : html + "<p>Under mpirun or srun, as it was started.</p>\n";
}

}  // namespace

std::string run_command_line(const RunLayout& layout, const RunView& view) {
  if (!view.run) return "";
  const auto& facts = view.run->provenance;
  const auto config = facts.find("config");
  if (config == facts.end()) return "";
  std::string command = "tilepool run " + shell_word(config->second);
  for (int i = 1; facts.contains(fmt::format("set {}", i)); ++i)
    command += " --set " + shell_word(facts.at(fmt::format("set {}", i)));
  return command + " --run-dir " +
         shell_word(std::filesystem::absolute(layout.root()).lexically_normal().string());
}

std::string page_failures(const RunLayout& layout, const RunView& view,
                          const EventHistory& history) {
  const bool failures = view.n_failed > 0 || view.slides_in("failed") > 0;
  std::string html = "<section id=\"failures\"><h2>Failures</h2>\n";
  if (!failures) html += "<p>No slide and no tile has failed.</p>\n";
  html += slide_failures(view) + tile_failures(view) + way_out(layout, view, failures);
  return html + noted_events(history) + "</section>\n";
}

}  // namespace tilepool
