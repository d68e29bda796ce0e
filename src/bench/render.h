#pragma once

#include <string>
#include <vector>

#include "bench/figures.h"

namespace tilepool {

/// What `tilepool bench` measured, its verdict first. All three say the same.

/// For a terminal: verdict, tables, notes.
[[nodiscard]] std::string bench_text(const BenchFigures& figures);
/// One JSON object and a line end; docs/cli.md lists the keys.
[[nodiscard]] std::string bench_json(const BenchFigures& figures);
/// One HTML file, offline, without script.
[[nodiscard]] std::string bench_page(const BenchFigures& figures);

/// One bar of the page's chart. All rates count analysis pixels.
struct BenchBar {
  std::string label, detail;
  double mpx_s = 0;
  enum class Kind { kFile, kLimit, kSource, kJob } kind = Kind::kSource;
};
[[nodiscard]] std::vector<BenchBar> bench_bars(const BenchFigures& figures);
/// Horizontal bars on one scale, as SVG. The scale ends at the largest bar that is no file
/// system's; a file system's longer bar is cut off and says so. Rates that are not positive and
/// finite have no bar, only their label. Empty without bars.
[[nodiscard]] std::string bench_chart(const std::vector<BenchBar>& bars);

}  // namespace tilepool
