#include "bench/summary.h"

#include <algorithm>
#include <functional>

namespace tilepool {
namespace {

using Rates = std::vector<ThreadRate>;

/// n over the sum of reciprocals; 0 when one is 0 or there is none.
double harmonic_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) {
    if (!(value > 0)) return 0;
    sum += 1 / value;
  }
  return values.empty() ? 0 : static_cast<double>(values.size()) / sum;
}

/// Of the numbers of threads that all slides have.
Rates combined(const std::vector<const Rates*>& slides) {
  Rates result;
  if (slides.empty()) return result;
  for (const ThreadRate& first : *slides.front()) {
    std::vector<double> values;
    int repeats = first.repeats;
    for (const Rates* rates : slides)
      for (const ThreadRate& one : *rates)
        if (one.threads == first.threads) {
          values.push_back(one.mpx_s);
          repeats = std::min(repeats, one.repeats);
        }
    if (values.size() == slides.size())
      result.push_back({first.threads, harmonic_mean(values), repeats});
  }
  return result;
}

const Rates* rates_of(const SlideFigures& slide, const std::string& source) {
  for (const SourceFigures& one : slide.sources)
    if (one.name == source) return &one.rates;
  return nullptr;
}

Rates combined_source(const std::vector<const SlideFigures*>& slides, const std::string& source) {
  std::vector<const Rates*> all;
  for (const SlideFigures* slide : slides) {
    all.push_back(rates_of(*slide, source));
    if (all.back() == nullptr) return {};
  }
  return combined(all);
}

const char* run_source(const SlideFigures& slide) {
  return slide.reader.starts_with("direct") ? "direct" : "openslide";
}

void add_files(const std::vector<const SlideFigures*>& slides, BenchSummary& summary) {
  std::vector<double> bytes_s, mpx_s;
  for (const SlideFigures* slide : slides) {
    if (!slide->file.problem.empty()) return;
    bytes_s.push_back(slide->file.bytes_s);
    mpx_s.push_back(slide->file.mpx_s());
    if (slide->file.random_read_s > summary.random_read_s.value_or(0)) {
      summary.random_read_s = slide->file.random_read_s;
      summary.random_px = slide->limit.mean_px;
    }
  }
  if (slides.empty()) return;
  summary.file_bytes_s = harmonic_mean(bytes_s);
  summary.file_mpx_s = harmonic_mean(mpx_s);
}

}  // namespace

BenchSummary summarise(const BenchFigures& figures) {
  std::vector<const SlideFigures*> slides;
  for (const SlideFigures& slide : figures.slides)
    if (slide.problem.empty()) slides.push_back(&slide);
  BenchSummary summary;
  summary.slides = slides.size();
  std::vector<const Rates*> limits, reading;
  for (const SlideFigures* slide : slides) {
    if (slide->limit.problem.empty()) limits.push_back(&slide->limit.rates);
    if (const Rates* rates = rates_of(*slide, run_source(*slide))) reading.push_back(rates);
    summary.touched_ratio = std::max(summary.touched_ratio, slide->limit.touched_ratio);
  }
  if (limits.size() == slides.size()) summary.limit = combined(limits);
  if (reading.size() == slides.size()) summary.reading = combined(reading);
  summary.direct = combined_source(slides, "direct");
  summary.openslide = combined_source(slides, "openslide");
  summary.reads_directly =
      !slides.empty() && std::all_of(slides.begin(), slides.end(),
                                     [](auto* s) { return s->reader.starts_with("direct"); });
  add_files(slides, summary);
  return summary;
}

double most_threads_mpx_s(const Rates& rates) { return rates.empty() ? 0 : rates.back().mpx_s; }

double one_thread_mpx_s(const Rates& rates) {
  return rates.empty() || rates.front().threads != 1 ? 0 : rates.front().mpx_s;
}

}  // namespace tilepool
