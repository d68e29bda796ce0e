#include <algorithm>
#include <functional>

#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/fault.h"
#include "common/base/progress.h"
#include "common/hdf5/file.h"
#include "common/memory/buffer.h"
#include "common/run/pack_finish.h"
#include "common/run/pack_share.h"
#include "common/run/pack_source.h"
#include "common/run/patch_arrays.h"
#include "common/run/results.h"

namespace tilepool {
namespace {

/// Rows of a chunk. They depend on the data alone, so that the number of ranks shows nowhere.
constexpr std::uint64_t kChunkRows = 65536;
constexpr std::uint64_t kContourChunkRows = 262144;

h5::Filter filter_of(const OutputOptions& output) {
  switch (output.codec) {
    case Codec::kNone:
      return {h5::FilterKind::kNone, 1};
    case Codec::kGzip:
      return {h5::FilterKind::kGzip, output.gzip_level};
    case Codec::kLz4:
      return {h5::FilterKind::kLz4, 1};
  }
  fail(ErrorCode::kInternal, "unknown codec {}", static_cast<int>(output.codec));
}

/// Elements of the widest type in a block: every table takes as many rows at a time, or one chunk.
std::uint64_t block_rows_of(std::size_t block_bytes) {
  return std::max<std::uint64_t>(kContourChunkRows, block_bytes / sizeof(std::uint64_t));
}

struct Ranks {
  std::uint64_t rank = 0, count = 1;
  bool collective = false;
};

Ranks ranks_of(const std::optional<MPI_Comm>& comm) {
  if (!comm) return {};
  int rank = 0;
  int count = 0;
  check(MPI_Comm_rank(*comm, &rank) == MPI_SUCCESS && MPI_Comm_size(*comm, &count) == MPI_SUCCESS,
        ErrorCode::kMpi, "packing: the communicator is not usable");
  return {checked_cast<std::uint64_t>(rank), checked_cast<std::uint64_t>(count), true};
}

}  // namespace

/// Writes the large tables of results.h5, block by block, each rank its own chunks.
class ResultsPacker {
 public:
  ResultsPacker(const PackJob& job, const std::filesystem::path& index_file, h5::File& file,
                const Ranks& ranks, Budget& budget)
      : job_(job),
        index_file_(index_file),
        budget_(budget),
        file_(file),
        ranks_(ranks),
        block_rows_(block_rows_of(job.block_bytes)),
        block_(budget, block_rows_ * sizeof(std::uint64_t), "packing: a block of one column"),
        source_(job, index_file, block_rows_, budget),
        plan_(h5::File::open(job.layout.plan())) {}

  void write() {
    check(source_.index().missing() == 0, ErrorCode::kInternal,
          "{} sampled tiles have no committed result: nothing may be packed",
          source_.index().missing());
    write_pool();
    write_sample();
    if (job_.schema.items == Items::kCells) {
      write_cells();
      write_contours();
    }
    if (job_.schema.items == Items::kPatches) write_patches();
    write_tile_features();
  }

 private:
  /// Columns of one length that are written block by block together.
  struct Table {
    std::uint64_t rows = 0, chunk_rows = 0;
    std::vector<std::function<void(std::uint64_t first, std::uint64_t count)>> columns;
  };

  /// Adds a column; `fill(first, out)` gives its rows [first, first + out.size()).
  template <h5::Element T, class Fill>
  void add(Table& table, const std::string& path, Fill fill) {
    h5::Layout layout = h5::column_layout(table.rows, table.chunk_rows, filter_of(job_.output));
    // A parallel file is allocated when its datasets are made; all of it will be written.
    layout.fill = !ranks_.collective || job_.output.codec != Codec::kNone;
    auto dataset =
        std::make_shared<h5::Dataset>(file_.create_dataset<T>(path, {table.rows}, layout));
    table.columns.push_back([this, dataset, fill](std::uint64_t first, std::uint64_t count) {
      const std::span<T> out(reinterpret_cast<T*>(block_.data()), count);
      if (count > 0) fill(first, out);
      dataset->write(first, std::span<const T>(out),
                     ranks_.collective ? h5::Transfer::kCollective : h5::Transfer::kIndependent);
    });
  }

  void write_table(const Table& table) {
    if (table.rows == 0) return;
    const std::uint64_t chunk = std::min(table.rows, table.chunk_rows);
    const PackShare share = pack_share(table.rows, chunk, block_rows_, ranks_.rank, ranks_.count);
    for (std::uint64_t round = 0; round < share.rounds; ++round) {
      for (const auto& column : table.columns) {
        fault_point(FaultPoint::kPack, round);
        column(share.begin(round), share.count(round));
        note_progress();
      }
    }
    file_.check_written();
  }

  template <h5::Element T>
  void copy_plan(Table& table, const std::string& path) {
    add<T>(table, path, [this, path](std::uint64_t first, std::span<T> out) {
      plan_.open_dataset(path).read(first, out);
    });
  }

  void write_pool() {
    Table pool{plan_.open_dataset("pool/slide").rows(), kChunkRows, {}};
    copy_plan<std::uint32_t>(pool, "pool/slide");
    copy_plan<std::int64_t>(pool, "pool/x");
    copy_plan<std::int64_t>(pool, "pool/y");
    copy_plan<std::int32_t>(pool, "pool/w");
    copy_plan<std::int32_t>(pool, "pool/h");
    copy_plan<float>(pool, "pool/tissue_fraction");
    copy_plan<std::uint64_t>(pool, "pool/key");
    write_table(pool);
  }

  template <h5::Element T>
  void copy_index(Table& table, const std::string& column, const std::string& name) {
    add<T>(table, "sample/" + name, [this, column](std::uint64_t first, std::span<T> out) {
      source_.index().read(column, first, out);
    });
  }

  void write_sample() {
    Table sample{source_.index().samples(), kChunkRows, {}};
    copy_plan<std::uint64_t>(sample, "sample/pool");
    const ItemNames names = item_names(job_.schema.items);
    copy_index<std::uint8_t>(sample, "status", "status");
    copy_index<std::uint32_t>(sample, "n_cells", names.sample_count);
    write_table(sample);
    Table begins{source_.index().samples() + 1, kChunkRows, {}};
    copy_index<std::uint64_t>(begins, "cell_begin", names.sample_begin);
    write_table(begins);
  }

  template <h5::Element T>
  void copy_cells(Table& table, const std::string& column) {
    add<T>(table, item_names(job_.schema.items).group + "/" + column,
           [this, column](std::uint64_t first, std::span<T> out) {
             source_.cells(column, first, out);
           });
  }

  void add_places(Table& table, const std::string& group) {
    add<std::uint64_t>(table, group + "/sample",
                       [this](std::uint64_t first, auto out) { source_.cell_samples(first, out); });
    add<std::uint32_t>(table, group + "/slide",
                       [this](std::uint64_t first, auto out) { source_.cell_slides(first, out); });
  }

  void write_patches() {
    Table patches{source_.index().cells(), kChunkRows, {}};
    add_places(patches, "patches");
    for (const char* axis : {"x", "y"})
      add<std::int64_t>(patches, std::string("patches/") + axis,
                        [this, axis](std::uint64_t first, std::span<std::int64_t> out) {
                          source_.patch_corners(axis, first, out);
                        });
    for (const FeatureSpec& feature : job_.schema.cell_features)
      copy_cells<float>(patches, feature.name);
    write_table(patches);
    if (job_.patches.pixels == PatchPixels::kResults) write_pixels();
  }

  /// [patches][size][size][3], a patch a chunk.
  void write_pixels() {
    PatchSource pixels(job_, index_file_);
    const std::uint64_t n = pixels.count();
    if (n == 0) return;
    const auto size = checked_cast<std::uint64_t>(job_.patches.size_px);
    h5::Layout layout{.chunk = {1, size, size, 3}, .filter = filter_of(job_.output)};
    layout.fill = !ranks_.collective || job_.output.codec != Codec::kNone;
    h5::Dataset dataset =
        file_.create_dataset<std::uint8_t>("patches/pixels", {n, size, size, 3}, layout);
    const std::uint64_t at_once =
        std::max<std::uint64_t>(1, block_rows_ * sizeof(std::uint64_t) / pixels.patch_bytes());
    Buffer<std::uint8_t> patches(budget_, at_once * pixels.patch_bytes(),
                                 "packing: a block of patches");
    const PackShare share = pack_share(n, 1, at_once, ranks_.rank, ranks_.count);
    for (std::uint64_t round = 0; round < share.rounds; ++round) {
      const auto out = patches.span().first(share.count(round) * pixels.patch_bytes());
      pixels.read(share.begin(round), out);
      dataset.write(share.begin(round), std::span<const std::uint8_t>(out),
                    ranks_.collective ? h5::Transfer::kCollective : h5::Transfer::kIndependent);
      note_progress();
    }
    dataset.close();
    file_.check_written();
  }

  void write_cells() {
    Table cells{source_.index().cells(), kChunkRows, {}};
    add_places(cells, "cells");
    copy_cells<std::uint8_t>(cells, "class");
    copy_cells<double>(cells, "x");
    copy_cells<double>(cells, "y");
    for (const FeatureSpec& feature : job_.schema.cell_features) {
      copy_cells<float>(cells, feature.name);
    }
    add<std::uint64_t>(cells, "cells/uid",
                       [this](std::uint64_t first, auto out) { source_.cell_uids(first, out); });
    write_table(cells);
    Table begins{source_.index().cells() + 1, kChunkRows, {}};
    add<std::uint64_t>(begins, "cells/contour_begin", [this](std::uint64_t first, auto out) {
      source_.contour_begins(first, out);
    });
    write_table(begins);
  }

  void write_contours() {
    Table points{source_.index().points(), kContourChunkRows, {}};
    for (const char* axis : {"x", "y"}) {
      add<float>(points, std::string("contours/") + axis,
                 [this, axis](std::uint64_t first, std::span<float> out) {
                   source_.points(axis, first, out);
                 });
    }
    write_table(points);
  }

  void write_tile_features() {
    Table tiles{source_.index().samples(), kChunkRows, {}};
    for (const FeatureSpec& feature : job_.schema.tile_features) {
      add<float>(tiles, "features/" + feature.name,
                 [this, name = feature.name](std::uint64_t first, std::span<float> out) {
                   source_.tile_features(name, first, out);
                 });
    }
    write_table(tiles);
  }

  const PackJob& job_;
  std::filesystem::path index_file_;
  Budget& budget_;
  h5::File& file_;
  Ranks ranks_;
  std::uint64_t block_rows_;
  Buffer<std::byte> block_;
  PackSource source_;
  h5::File plan_;
};

namespace {

/// Unlinks the half-made file unless keep() is called. Held by rank 0 alone.
class HalfMade {
 public:
  HalfMade(std::filesystem::path path, bool mine) : path_(std::move(path)), mine_(mine) {}
  ~HalfMade() {
    if (mine_) ::unlink(path_.c_str());
  }
  HalfMade(const HalfMade&) = delete;
  HalfMade& operator=(const HalfMade&) = delete;
  void keep() { mine_ = false; }

 private:
  std::filesystem::path path_;
  bool mine_;
};

/// MPI-IO does not tell why a write failed.
bool is_full(const std::filesystem::path& folder) {
  constexpr std::uintmax_t kFullBytes = std::uintmax_t{1} << 20;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  return !error && space.available < kFullBytes;
}

void write_tables(const PackJob& job, const std::filesystem::path& index_file,
                  const std::filesystem::path& path, const Ranks& ranks,
                  const std::optional<MPI_Comm>& comm, Budget& budget) {
  h5::File file = comm ? h5::File::create_parallel(path, *comm) : h5::File::create(path);
  ResultsPacker(job, index_file, file, ranks, budget).write();
  file.close();
}

}  // namespace

void pack_results(const PackJob& job, const std::filesystem::path& index_file,
                  const Telemetry& telemetry, std::optional<MPI_Comm> comm, Budget& budget) {
  const Ranks ranks = ranks_of(comm);
  const std::filesystem::path path = packing_path(job.layout);
  HalfMade half_made(path, ranks.rank == 0);
  try {
    write_tables(job, index_file, path, ranks, comm, budget);
    if (job.schema.items == Items::kPatches && job.patches.pixels == PatchPixels::kNpy)
      write_patch_arrays(job, index_file, ranks.rank, ranks.count);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kHdf5 || !is_full(job.layout.root())) throw;
    fail(ErrorCode::kIo, "cannot write {}: its disk is full; make room and run again ({})",
         path.string(), error.what());
  }
  if (ranks.rank == 0) finish_results(job, path, index_file, telemetry);
  half_made.keep();
}

std::size_t pack_memory_bytes(std::size_t block_bytes) {
  // The block itself, x, y, class and contour sizes of a block, HDF5's copies of a block's chunks
  // before and after compression; and what does not scale: index windows and open range files.
  constexpr std::size_t kFixedBytes = std::size_t{32} << 20;
  return kFixedBytes + 6 * block_rows_of(block_bytes) * sizeof(std::uint64_t);
}

}  // namespace tilepool
