// annotation_driver FILE WIDTH HEIGHT SCALE BAND_ROWS: the union of all regions of a file as bytes
// 0 and 1 on stdout, row after row; painted in bands.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "common/annotation/annotations.h"
#include "common/annotation/region_mask.h"
#include "common/base/error.h"

using namespace tilepool;

int main(int argc, char** argv) try {
  check(argc == 6, ErrorCode::kUsage, "annotation_driver FILE WIDTH HEIGHT SCALE BAND_ROWS");
  const Annotations found = read_annotations(argv[1], std::nullopt);
  std::vector<std::string> groups = region_names(found);
  groups.emplace_back();
  const RegionMask mask(found.regions, groups);
  const std::int64_t width = std::atoll(argv[2]);
  const std::int64_t height = std::atoll(argv[3]);
  const std::int64_t rows = std::atoll(argv[5]);
  std::vector<std::uint8_t> scratch(static_cast<std::size_t>(width * rows));
  for (std::int64_t y = 0; y < height; y += rows) {
    const std::int64_t n = std::min(rows, height - y);
    std::vector<std::uint8_t> band(static_cast<std::size_t>(width * n));
    mask.paint({0, 0, std::atof(argv[4])}, {0, y}, {band.data(), width, n, width},
               {scratch.data(), width, n, width});
    std::fwrite(band.data(), 1, band.size(), stdout);
  }
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
