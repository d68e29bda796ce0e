/// Packs one made-up run with all ranks of mpirun together and by rank 0 alone, and compares:
///   pack_test CODEC                 every case, codec none | gzip | lz4
///   pack_test --memory MILLIONS [BLOCK_MIB]   peak memory of packing that many million points
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>
#include <mpi.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/hdf5/file.h"
#include "mpi/pack_fixture.h"
#include "support/run_python.h"

namespace tilepool::testing {
namespace {

int rank_of_world() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/// A folder that rank 0 makes and removes.
class SharedFolder {
 public:
  SharedFolder() {
    if (rank_of_world() == 0) own_ = std::make_unique<TempFolder>();
    char name[512] = {};
    if (own_) own_->path().string().copy(name, sizeof name - 1);
    MPI_Bcast(name, sizeof name, MPI_CHAR, 0, MPI_COMM_WORLD);
    path_ = name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::unique_ptr<TempFolder> own_;
  std::filesystem::path path_;
};

void pack_together(const FakeRun& run, const PackJob& job, const std::filesystem::path& target) {
  Budget budget(std::size_t{1} << 30);
  pack_results(job, run.root / "index.h5", fake_telemetry(2), MPI_COMM_WORLD, budget);
  check(h5::open_objects() == 0, ErrorCode::kInternal, "{} HDF5 objects are open after packing",
        h5::open_objects());
  check(budget.used_bytes() == 0, ErrorCode::kInternal, "packing keeps {} bytes",
        budget.used_bytes());
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank_of_world() == 0) {
    commit_results(run.layout());
    std::filesystem::rename(run.layout().results(), target);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

void compare(const FakeRun& run, Codec codec, std::size_t block_bytes, const std::string& name) {
  const PackJob job = fake_job(run, codec, block_bytes);
  const auto alone = run.root / "alone.h5";
  const auto together = run.root / "together.h5";
  if (rank_of_world() == 0) {
    run.write_plan();
    run.write_ranges(7);
    pack_alone(run, job, alone);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  pack_together(run, job, together);
  if (rank_of_world() != 0) return;
  const auto found = differences(alone, together);
  check(found.empty(), ErrorCode::kInternal, "{}: packed together differs: {} (and {} more)", name,
        found.empty() ? "" : found.front(), found.size());
  // h5diff has no lz4 filter of its own.
  check(codec == Codec::kLz4 || h5diff(alone, together) == 0, ErrorCode::kInternal,
        "{}: h5diff finds differences", name);
  const auto bytes_alone = std::filesystem::file_size(alone);
  const auto bytes_together = std::filesystem::file_size(together);
  fmt::print("{}: equal; {} alone, {} together\n", name, format_bytes(bytes_alone),
             format_bytes(bytes_together));
  check(bytes_together < bytes_alone * 5 / 4 + kMiB, ErrorCode::kInternal,
        "{}: packed together wastes space: {} bytes instead of {}", name, bytes_together,
        bytes_alone);
}

void compare_all(Codec codec) {
  const SharedFolder folder;
  FakeRun small{folder.path() / "small"};
  compare(small, codec, kMiB, "small");
  FakeRun large{folder.path() / "large"};
  large.cells_per_tile = 6000;
  large.points_per_cell = 10;
  compare(large, codec, 1, "several chunks, one at a time");
  compare(large, codec, 64 * kMiB, "several chunks at once");
  FakeRun bare{folder.path() / "bare"};
  bare.cells_per_tile = 0;
  compare(bare, codec, kMiB, "no cells");
  FakeRun empty{folder.path() / "empty"};
  empty.tiles_per_slide = 0;
  compare(empty, codec, kMiB, "no tiles");
}

void measure_memory(std::uint64_t million_points, std::size_t block_bytes) {
  const SharedFolder folder;
  FakeRun run{folder.path()};
  run.failures = false;
  run.step = 1;
  run.points_per_cell = 20;
  run.cells_per_tile = million_points * 1000000 / std::uint64_t{2280};
  const PackJob job = fake_job(run, Codec::kGzip, block_bytes);
  if (rank_of_world() == 0) {
    run.write_plan();
    run.write_ranges(16);
    (void)write_pack_index(run.layout(), job.schema, run.root / "index.h5");
  }
  MPI_Barrier(MPI_COMM_WORLD);
  reset_peak_resident();
  const std::size_t before = resident_bytes();
  pack_together(run, job, run.root / "together.h5");
  const std::size_t grown = peak_resident_bytes() - before;
  const h5::File file = h5::File::open(run.root / "together.h5");
  fmt::print("rank {}: {} cells, {} points: packing took {} on top of {}, bound {}\n",
             rank_of_world(), file.open_dataset("cells/x").rows(),
             file.open_dataset("contours/x").rows(), format_bytes(grown), format_bytes(before),
             format_bytes(pack_memory_bytes(block_bytes)));
  check(grown <= pack_memory_bytes(block_bytes), ErrorCode::kInternal,
        "packing took {} bytes, more than its bound {}", grown, pack_memory_bytes(block_bytes));
  MPI_Barrier(MPI_COMM_WORLD);
}

void run_test(int argc, char** argv) {
  check(argc >= 2, ErrorCode::kUsage, "pack_test none|gzip|lz4 | --memory MILLIONS [BLOCK_MIB]");
  const std::string_view what = argv[1];
  if (what == "--memory") {
    const std::size_t block = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2;
    return measure_memory(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 5, block * kMiB);
  }
  compare_all(what == "none" ? Codec::kNone : what == "gzip" ? Codec::kGzip : Codec::kLz4);
}

}  // namespace
}  // namespace tilepool::testing

int main(int argc, char** argv) {
  ::setenv("OMPI_MCA_io", "ompio", 1);
  MPI_Init(&argc, &argv);
  try {
    tilepool::testing::run_test(argc, argv);
  } catch (const tilepool::Error& error) {
    fmt::print(stderr, "FAILED: {}\n", error.what());
    std::fflush(stdout);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
