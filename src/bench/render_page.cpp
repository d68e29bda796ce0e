#include <fmt/format.h>

#include "bench/render.h"
#include "bench/summary.h"
#include "bench/verdict.h"
#include "common/base/units.h"
#include "report/clock.h"
#include "report/html.h"
#include "report/page_parts.h"

namespace tilepool {
namespace {

constexpr char kStyle[] = R"css(
.bars .file{fill:var(--muted);fill-opacity:.45}
.bars .limit{fill:var(--muted)}
.bars .source{fill:var(--accent)}
.bars .job{fill:var(--good)}
.also{max-width:80ch;padding-left:20px}
.also li{margin:4px 0}
table{max-width:720px}
)css";

std::string fact(const std::string& name, const std::string& value) {
  return page_fact(name, escape_html(value));
}

std::string figure(const std::string& value, const std::string& label, const std::string& note) {
  return page_figure(escape_html(value), label, escape_html(note));
}

std::string known(double mpx_s) { return mpx_s > 0 ? significant(mpx_s) : "not known"; }

std::string with_threads(const std::vector<ThreadRate>& rates) {
  return rates.empty()
             ? std::string()
             : "with " + counted(static_cast<std::uint64_t>(rates.back().threads), "thread");
}

std::string head_figures(const BenchFigures& figures, const BenchSummary& summary) {
  const bool job = figures.job.problem.empty();
  std::string html = "<dl class=\"figures\">\n";
  html += figure(known(job ? figures.job.mpx_s : 0), "Mpx/s, the job",
                 job ? significant(figures.job.tiles_s) + " tiles/s" : "see below");
  html += figure(known(most_threads_mpx_s(summary.reading)), "Mpx/s, reading",
                 with_threads(summary.reading));
  html += figure(known(most_threads_mpx_s(summary.limit)), "Mpx/s, decoding from memory",
                 with_threads(summary.limit));
  html +=
      figure(summary.file_bytes_s ? significant(*summary.file_bytes_s * 1e-6) : "not known",
             "MB/s, file system",
             summary.file_mpx_s ? significant(*summary.file_mpx_s) + " Mpx/s of these slides" : "");
  return html + "</dl>\n";
}

std::string head(const BenchFigures& figures, const BenchSummary& summary,
                 const std::vector<BenchFinding>& findings) {
  return fmt::format(
             "<header>\n<p class=\"kicker\">tilepool bench</p>\n<h1>{}</h1>\n<p class=\"lede\">{}"
             "</p>\n",
             escape_html(figures.config), escape_html(findings.front().text)) +
         head_figures(figures, summary) + "<dl class=\"facts\">\n" + fact("Host", figures.host) +
         fact("Processor", figures.cpu) + fact("Cores granted", fmt::format("{}", figures.cores)) +
         fact("Measured", readable_time(figures.date)) +
         fact("Tiles", fmt::format("{} px, halo {} px", figures.size_px, figures.halo_px)) +
         fact("Took", format_duration(figures.seconds_spent)) + "</dl>\n</header>\n";
}

std::string also(const std::vector<BenchFinding>& findings, const std::vector<std::string>& notes) {
  if (findings.size() < 2 && notes.empty()) return "";
  std::string html = "<section><h2>What else stands out</h2>\n<ul class=\"also\">\n";
  for (std::size_t i = 1; i < findings.size(); ++i)
    html += "<li>" + escape_html(findings[i].text) + "</li>\n";
  for (const std::string& note : notes) html += "<li>" + escape_html(note) + "</li>\n";
  return html + "</ul></section>\n";
}

std::string chart_section(const BenchFigures& figures) {
  return "<section><h2>Rates</h2>\n<p class=\"caption\">Mpx/s: analysis pixels of tiles with their "
         "halos, as many of each slide. The decode limit is libjpeg-turbo on the very JPEG tiles "
         "in "
         "memory; the sources read them from the page cache.</p>\n" +
         bench_chart(bench_bars(figures)) + "</section>\n";
}

double at(const std::vector<ThreadRate>& rates, int threads) {
  for (const ThreadRate& one : rates)
    if (one.threads == threads) return one.mpx_s;
  return 0;
}

std::string ratio_cell(double part, double whole) {
  return fmt::format("<td class=\"n\">{}</td>",
                     part > 0 && whole > 0 ? significant(part / whole) : std::string());
}

std::string rate_rows(const std::string& name, const std::vector<ThreadRate>& rates,
                      const std::vector<ThreadRate>& limit) {
  std::string html;
  for (const ThreadRate& rate : rates)
    html +=
        fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>",
                    name, rate.threads, significant(rate.mpx_s)) +
        ratio_cell(rate.mpx_s, one_thread_mpx_s(rates)) +
        ratio_cell(rate.mpx_s, at(limit, rate.threads)) +
        fmt::format("<td class=\"n\">{}</td></tr>\n", rate.repeats);
  return html;
}

std::string file_sentence(const FileFigures& file) {
  if (!file.problem.empty()) return "File system: " + file.problem + ".";
  return fmt::format(
      "File system: {} MB/s in order, which is {} Mpx/s of this slide; {} ms for {} anywhere.",
      significant(file.bytes_s * 1e-6), significant(file.mpx_s()),
      significant(file.random_read_s * 1e3), format_bytes(file.random_bytes));
}

std::string slide_section(const SlideFigures& slide) {
  std::string html = "<h3>" + escape_html(slide.id) + "</h3>\n";
  if (!slide.problem.empty())
    return html + "<p class=\"caption\">Left out: " + escape_html(slide.problem) + "</p>\n";
  html +=
      fmt::format("<p class=\"caption\">{}, {}; read by: {}. {}, {} Mpx, {}. {}</p>\n",
                  escape_html(slide.vendor), format_bytes(slide.file_bytes),
                  escape_html(slide.reader), counted(slide.tiles, "tile"), significant(slide.mpx),
                  escape_html(slide.places), escape_html(file_sentence(slide.file)));
  if (!slide.limit.problem.empty())
    html += "<p class=\"caption\">Decode limit " + escape_html(slide.limit.problem) + "</p>\n";
  html +=
      "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Source</th><th scope=\"col\" "
      "class=\"n\">Threads</th><th scope=\"col\" class=\"n\">Mpx/s</th><th scope=\"col\" "
      "class=\"n\">Of one thread</th><th scope=\"col\" class=\"n\">Of the limit</th><th "
      "scope=\"col\" class=\"n\">Repeats</th></tr></thead>\n<tbody>\n" +
      rate_rows("decode limit", slide.limit.rates, {});
  for (const SourceFigures& source : slide.sources)
    html += rate_rows(source.name, source.rates, slide.limit.rates);
  return html + "</tbody></table></div>\n";
}

std::string job_section(const JobFigures& job) {
  std::string html = "<section><h2>The job</h2>\n";
  if (!job.problem.empty())
    return html + "<p>Not measured: " + escape_html(job.problem) + "</p></section>\n";
  html += fmt::format(
      "<p class=\"caption\">tilepool run on these slides with a sample of {} in a folder that is "
      "gone again.</p>\n<dl class=\"facts\">\n",
      counted(job.sample, "tile"));
  html += fact("Device", job.device) + fact("Threads", fmt::format("{}", job.threads)) +
          fact("Tiles", fmt::format("{} in {} s", job.tiles, significant(job.whole_s))) +
          fact("Pooling", fmt::format("{} s, {} tiles/s", significant(job.pooling_s),
                                      significant(job.pooled_tiles_s))) +
          fact("Computing", percent(job.computing, 1)) +
          fact("Waits for reads", percent(job.wait_read, 1)) +
          fact("Waits for commits", percent(job.wait_commit, 1)) +
          fact("Waits for leases", percent(job.wait_lease, 1));
  if (job.gpu_busy) html += fact("GPU busy", percent(*job.gpu_busy, 1));
  return html + "</dl></section>\n";
}

std::string versions(const BenchFigures& figures) {
  std::string html = "<details><summary>Versions</summary>\n<dl class=\"facts\">\n";
  for (const auto& [name, version] : figures.versions) html += fact(escape_html(name), version);
  return html + "</dl></details>\n";
}

}  // namespace

std::string bench_page(const BenchFigures& figures) {
  const BenchSummary summary = summarise(figures);
  const std::vector<BenchFinding> findings = judge(figures, summary);
  std::string page = page_opening("bench of " + figures.config, kStyle);
  page += head(figures, summary, findings) + "<main>\n" + also(findings, figures.notes) +
          chart_section(figures) + job_section(figures.job) + "<section><h2>Slides</h2>\n";
  for (const SlideFigures& slide : figures.slides) page += slide_section(slide);
  return page + "</section>\n" + versions(figures) + "</main>\n</body>\n</html>\n";
}

}  // namespace tilepool
