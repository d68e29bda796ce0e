// Question: how near does writing a range file come to pwrite of the same bytes?
//
//   range_bench FOLDER [REPEATS]
//
// FOLDER lies on the file system in question. Each range is written by write_range (columns, seal,
// fsync, rename), and the bytes of that very file by one pwrite, fsync and rename; in turn, medians
// of REPEATS. The last result is in docs/performance.md.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/model/result.h"
#include "common/run/atomic_file.h"
#include "common/run/range_file.h"

namespace {

using namespace tilepool;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kPoints = 40;  // of a contour

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// As many features as the segment task has.
TaskSchema segment_like() {
  TaskSchema schema;
  schema.items = Items::kCells;
  for (int i = 0; i < 20; ++i)
    schema.cell_features.push_back({fmt::format("feature_{}", i), "", ""});
  return schema;
}

RangeResult make_range(std::uint64_t n_cells, const TaskSchema& schema) {
  RangeResult range;
  range.pipeline_id = "bench";
  RangeTile tile;
  tile.status = TileStatus::kDone;
  tile.n_cells = static_cast<std::uint32_t>(n_cells);
  tile.n_points = n_cells * kPoints;
  range.tiles = {tile};
  range.tile_features.resize(schema.tile_features.size());
  CellBatch& cells = range.cells;
  for (std::uint64_t i = 0; i < n_cells; ++i) {
    cells.x.push_back(static_cast<double>(i));
    cells.y.push_back(static_cast<double>(i) / 2);
    cells.class_index.push_back(0);
    cells.contour_size.push_back(kPoints);
  }
  cells.features.resize(n_cells * schema.cell_features.size(), 1.5F);
  cells.contour_x.resize(n_cells * kPoints, 2.5F);
  cells.contour_y.resize(n_cells * kPoints, 3.5F);
  return range;
}

void write_plainly(const fs::path& path, const std::vector<char>& bytes) {
  const fs::path temp = temporary_path(path);
  const int file = ::open(temp.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
  check(file >= 0, ErrorCode::kIo, "cannot create {}", temp.string());
  for (std::size_t done = 0; done < bytes.size();) {
    const ::ssize_t put =
        ::pwrite(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    check(put > 0, ErrorCode::kIo, "cannot write {}", temp.string());
    done += static_cast<std::size_t>(put);
  }
  ::close(file);
  commit_file(temp, path);
}

void measure(const fs::path& folder, std::uint64_t n_cells, int repeats) {
  const TaskSchema schema = segment_like();
  const RangeResult range = make_range(n_cells, schema);
  const fs::path ours = folder / "range.h5";
  const fs::path plain = folder / "range.bytes";
  write_range(ours, schema, range);
  std::ifstream in(ours, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<double> ours_s, plain_s;
  for (int r = 0; r < repeats; ++r) {
    auto begin = Clock::now();
    write_range(ours, schema, range);
    ours_s.push_back(seconds_since(begin));
    begin = Clock::now();
    write_plainly(plain, bytes);
    plain_s.push_back(seconds_since(begin));
  }
  fs::remove(ours);
  fs::remove(plain);
  const double mb = static_cast<double>(bytes.size()) / 1e6;
  fmt::print("{:7.1f} MB: range file {:.0f} MB/s, pwrite {:.0f} MB/s, ratio {:.2f}\n", mb,
             mb / median(ours_s), mb / median(plain_s), median(plain_s) / median(ours_s));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    fmt::print(stderr, "usage: range_bench FOLDER [REPEATS]\n");
    return 64;
  }
  const int repeats = argc > 2 ? std::atoi(argv[2]) : 15;
  for (const std::uint64_t n_cells : {25, 2500, 25'000, 250'000})
    measure(argv[1], n_cells, repeats);
  return 0;
} catch (const tilepool::Error& error) {
  fmt::print(stderr, "range_bench: {}\n", error.what());
  return 1;
}
