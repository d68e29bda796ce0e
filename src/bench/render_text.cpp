#include <fmt/format.h>

#include "bench/render.h"
#include "bench/summary.h"
#include "bench/verdict.h"
#include "common/base/units.h"
#include "report/html.h"
#include "report/text_table.h"

namespace tilepool {
namespace {

using Align = TextTable::Align;

std::string ratio(double part, double whole) {
  return part > 0 && whole > 0 ? significant(part / whole) : "";
}

const ThreadRate* rate_at(const std::vector<ThreadRate>& rates, int threads) {
  for (const ThreadRate& one : rates)
    if (one.threads == threads) return &one;
  return nullptr;
}

void add_rates(TextTable& table, const std::string& name, const std::vector<ThreadRate>& rates,
               const std::vector<ThreadRate>& limit) {
  const double one = one_thread_mpx_s(rates);
  for (const ThreadRate& rate : rates) {
    const ThreadRate* most = rate_at(limit, rate.threads);
    table.add({name, fmt::format("{}", rate.threads), significant(rate.mpx_s),
               ratio(rate.mpx_s, one), most == nullptr ? "" : ratio(rate.mpx_s, most->mpx_s),
               fmt::format("{}", rate.repeats)});
  }
}

std::string slide_text(const SlideFigures& slide) {
  std::string text = fmt::format("\nslide      {}\n", slide.id);
  if (!slide.problem.empty()) return text + fmt::format("           left out: {}\n", slide.problem);
  text += fmt::format("           {}, {}, read by: {}\n", slide.vendor,
                      format_bytes(slide.file_bytes), slide.reader);
  text += fmt::format("           {}, {} Mpx, {}\n", counted(slide.tiles, "tile"),
                      significant(slide.mpx), slide.places);
  const FileFigures& file = slide.file;
  text += file.problem.empty()
              ? fmt::format("files      {} MB/s in order ({} Mpx/s), {} ms for {} anywhere\n",
                            significant(file.bytes_s * 1e-6), significant(file.mpx_s()),
                            significant(file.random_read_s * 1e3), format_bytes(file.random_bytes))
              : fmt::format("files      {}\n", file.problem);
  TextTable table({{"source"},
                   {"threads", Align::kRight},
                   {"Mpx/s", Align::kRight},
                   {"of 1 thread", Align::kRight},
                   {"of limit", Align::kRight},
                   {"repeats", Align::kRight}});
  add_rates(table, "decode limit", slide.limit.rates, {});
  for (const SourceFigures& source : slide.sources)
    add_rates(table, source.name, source.rates, slide.limit.rates);
  text += table.text();
  if (!slide.limit.problem.empty()) text += "decode limit " + slide.limit.problem + "\n";
  return text;
}

std::string job_text(const JobFigures& job) {
  if (!job.problem.empty()) return fmt::format("\njob        not measured: {}\n", job.problem);
  std::string text =
      fmt::format("\njob        {} on {} ({}): {} tiles/s, {} Mpx/s\n", counted(job.tiles, "tile"),
                  job.device, counted(static_cast<std::uint64_t>(job.threads), "thread"),
                  significant(job.tiles_s), significant(job.mpx_s));
  text += fmt::format("           computing {}, waiting for reads {}, for commits {}, leases {}\n",
                      percent(job.computing, 1), percent(job.wait_read, 1),
                      percent(job.wait_commit, 1), percent(job.wait_lease, 1));
  if (job.gpu_busy)
    text += fmt::format("           GPU busy {} of processing\n", percent(*job.gpu_busy, 1));
  return text + fmt::format("           pooling took {} s ({} tiles/s), the whole run {} s\n",
                            significant(job.pooling_s), significant(job.pooled_tiles_s),
                            significant(job.whole_s));
}

}  // namespace

std::string bench_text(const BenchFigures& figures) {
  std::string text;
  for (const BenchFinding& finding : judge(figures, summarise(figures)))
    text += "* " + finding.text + "\n";
  text += fmt::format(
      "\nmachine    {}: {}, {} granted\n"
      "tiles      {} px with a halo of {} px; Mpx/s count both\n",
      figures.host, figures.cpu, counted(static_cast<std::uint64_t>(figures.cores), "core"),
      figures.size_px, figures.halo_px);
  for (const SlideFigures& slide : figures.slides) text += slide_text(slide);
  text += job_text(figures.job);
  for (const std::string& note : figures.notes) text += "\nnote: " + note + "\n";
  return text;
}

}  // namespace tilepool
