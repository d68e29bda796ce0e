#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

/// The command that begins with `tilepool run`, with what every other way to start it has in
/// common.
std::string command_without_run_dir(const RunView& view) {
  if (!view.run || !view.run->provenance.contains("config")) return "";
  const auto& facts = view.run->provenance;
  const auto folder = facts.find("folder");
  std::string command = folder == facts.end() ? "" : "cd " + shell_word(folder->second) + " && ";
  command += "tilepool run " + shell_word(facts.at("config"));
  for (int i = 1; facts.contains(fmt::format("set {}", i)); ++i)
    command += " --set " + shell_word(facts.at(fmt::format("set {}", i)));
  return command;
}

std::string run_dir_option(const std::filesystem::path& folder) {
  return " --run-dir " + shell_word(std::filesystem::absolute(folder).lexically_normal().string());
}

/// Whether two masters would be in each other's way: the run is alive.
bool is_alive(const RunView& view) {
  return view.status && view.status->exit_code < 0 && !heartbeat_is_old(*view.status);
}

// A folder of its own: the slide alone has another pool, and so another sample.
std::string alone_command(const RunLayout& layout, const RunView& view, std::size_t index) {
  const std::string command = command_without_run_dir(view);
  const std::string& id = view.slides[index].plan.id;
  if (command.empty()) return "";
  const auto& cohort = view.run->cohort;
  const auto spec = std::find_if(cohort.begin(), cohort.end(),
                                 [&](const SlideSpec& slide) { return slide.id == id; });
  if (spec == cohort.end() || !spec->problem.empty()) return "";
  nlohmann::ordered_json slide = {{"path", spec->path}, {"id", spec->id}, {"group", spec->group}};
  if (spec->mpp) slide["mpp"] = *spec->mpp;
  using Dump = nlohmann::ordered_json::error_handler_t;
  return command + " --set " +
         shell_word("/slides=[" + slide.dump(-1, ' ', false, Dump::replace) + "]") +
         " --set /manifest=" +
         run_dir_option(std::filesystem::absolute(layout.root()).lexically_normal().string() +
                        fmt::format("-slide-{}", index));
}

/// A slide's command, folded: it is long.
std::string alone_cell(const std::string& command) {
  if (command.empty()) return "<td>mend the configuration</td>";
  return "<td class=\"retry\"><details><summary>command</summary><pre>" + escape_html(command) +
         "</pre></details></td>";
}

std::string slide_failures(const RunLayout& layout, const RunView& view) {
  std::string rows;
  for (std::size_t i = 0; i < view.slides.size(); ++i) {
    const SlideView& slide = view.slides[i];
    if (slide.state != "failed") continue;
    rows += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"why\">{}</td>{}</tr>\n",
                        escape_html(slide.plan.id), escape_html(slide.reason),
                        alone_cell(alone_command(layout, view, i)));
  }
  if (rows.empty()) return "";
  return fmt::format(
      "<h3>{}</h3>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Slide</th>"
      "<th scope=\"col\">Reason</th><th scope=\"col\">Try it alone</th></tr></thead>\n<tbody>\n{}"
      "</tbody></table></div>\n",
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

std::string command_block(const std::string& what, const std::string& command) {
  return fmt::format("<p>{}</p>\n<pre>{}</pre>\n", what, escape_html(command));
}

/// Whether a slide failed before any of its tiles was sampled.
bool slides_failed(const RunView& view) {
  return std::any_of(view.slides.begin(), view.slides.end(), [](const SlideView& slide) {
    return slide.state == "failed" && slide.plan.n_sample == 0;
  });
}

std::string way_out(const RunLayout& layout, const RunView& view) {
  const std::string command = run_command_line(layout, view);
  if (command.empty() || is_alive(view)) return "";
  const int exit_code = view.status ? view.status->exit_code : -1;
  std::string html;
  if (exit_code != 0 && exit_code != 3)
    html += command_block(
        "The same command again resumes; what is committed is not computed again:", command);
  if (view.n_failed > 0)
    html += command_block(
        "Failed tiles are not tried again when the run is resumed. Once the cause is mended, this "
        "computes them again and packs again:",
        command + " --retry-failed");
  if (slides_failed(view))
    html += command_block(
        "A slide that can be read again changes the pool and so the sample of all slides: the run "
        "starts over. This removes the results in this folder first (or give another <code>"
        "--run-dir</code> to keep them):",
        command + " --fresh");
  return html.empty() ? "" : html + "<p>Under mpirun or srun, as it was started.</p>\n";
}

}  // namespace

std::string run_command_line(const RunLayout& layout, const RunView& view) {
  const std::string command = command_without_run_dir(view);
  return command.empty() ? "" : command + run_dir_option(layout.root());
}

std::string page_failures(const RunLayout& layout, const RunView& view,
                          const EventHistory& history) {
  const bool failures = view.n_failed > 0 || view.slides_in("failed") > 0;
  std::string html = "<section id=\"failures\"><h2>Failures</h2>\n";
  if (!failures) html += "<p>No slide and no tile has failed.</p>\n";
  html += slide_failures(layout, view) + tile_failures(view) + way_out(layout, view);
  return html + noted_events(history) + "</section>\n";
}

}  // namespace tilepool
