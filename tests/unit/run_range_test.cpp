#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/range_file.h"
#include "support/error_of.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::error_of;
using testing::TempFolder;

TaskSchema example_schema() {
  return {Items::kCells,
          {{"area_um2", "um^2", "Area."}, {"solidity", "1", "Solidity."}},
          {{"mean_r", "1", "Mean red."}}};
}

/// Two done tiles (3 and 2 cells) around a failed one.
RangeResult example_range() {
  RangeResult range;
  range.generation = 1;
  range.first = 10;
  range.last = 14;
  range.pipeline_id = "pipe";
  range.tiles = {{0, 100, 200, TileStatus::kDone, 3, 9, 1.5F, ""},
                 {0, 200, 200, TileStatus::kFailed, 0, 0, 0.1F, "größer: cannot be read"},
                 {2, 0, 300, TileStatus::kDone, 2, 7, 2.5F, ""}};
  range.cells.x = {1, 2, 3, 4, 5};
  range.cells.y = {1.5, 2.5, 3.5, 4.5, 5.5};
  range.cells.class_index = {0, 1, 0, 1, 1};
  range.cells.contour_size = {3, 3, 3, 4, 3};
  for (int i = 0; i < 10; ++i) range.cells.features.push_back(static_cast<float>(i));
  for (int i = 0; i < 16; ++i) {
    range.cells.contour_x.push_back(static_cast<float>(i));
    range.cells.contour_y.push_back(static_cast<float>(-i));
  }
  range.tile_features = {0.5F, 0.25F, 0.125F};
  return range;
}

TEST(RangeFile, ComesBackAndPythonReadsIt) {
  const TempFolder folder;
  const auto path = folder.path() / "ranges" / "001-10-14.h5";
  write_range(path, example_schema(), example_range());
  const RangeReader reader(path, example_schema());
  reader.verify();
  EXPECT_EQ(reader.generation(), 1u);
  EXPECT_EQ(reader.first(), 10u);
  EXPECT_EQ(reader.last(), 14u);
  EXPECT_EQ(reader.pipeline_id(), "pipe");
  EXPECT_EQ(reader.n_cells(), 5u);
  EXPECT_EQ(reader.n_points(), 16u);
  const auto tiles = reader.tiles();
  ASSERT_EQ(tiles.size(), 3u);
  EXPECT_EQ(tiles[1].status, TileStatus::kFailed);
  EXPECT_EQ(tiles[1].reason, "größer: cannot be read");
  EXPECT_EQ(tiles[2].slide, 2u);
  EXPECT_EQ(tiles[2].y, 300);
  EXPECT_EQ(tiles[2].n_points, 7u);
  EXPECT_EQ(tiles[0].seconds, 1.5F);
  TILEPOOL_EXPECT_PYTHON(R"(
import struct, sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r')
assert list(f['cells/area_um2'][:]) == [0, 2, 4, 6, 8]
assert list(f['cells/solidity'][:]) == [1, 3, 5, 7, 9]
assert list(f['cells/class'][:]) == [0, 1, 0, 1, 1] and f['cells/class'].dtype == 'u1'
assert list(f['contours/y'][:]) == [-i for i in range(16)]
assert list(f['features/mean_r'][:]) == [0.5, 0.25, 0.125]
assert f['tiles/reason'][1].decode() == 'größer: cannot be read'
try:
    import xxhash
except ImportError:
    sys.exit(0)
data = open(sys.argv[1], 'rb').read()
mark, size, checksum = struct.unpack('<8sQQ', data[-24:])
assert mark == b'TPSEAL01' and size == len(data) - 24
assert xxhash.xxh3_64_intdigest(data[:-24]) == checksum
)",
                         path.string());
}

TEST(RangeFile, EmptyRangeComesBack) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  RangeResult range;
  range.tiles = {{0, 0, 0, TileStatus::kDone, 0, 0, 0, ""}};
  range.tile_features = {1};
  write_range(path, example_schema(), range);
  const RangeReader reader(path, example_schema());
  reader.verify();
  EXPECT_EQ(reader.n_cells(), 0u);
  EXPECT_EQ(reader.tiles().size(), 1u);
  RangeResult nothing;
  write_range(path, {}, nothing);
  EXPECT_TRUE(RangeReader(path, {}).tiles().empty());
}

TEST(RangeFile, EveryFlippedDataBitIsFound) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  write_range(path, example_schema(), example_range());
  const auto offset_of = [&](const char* column) {
    return H5Dget_offset(h5::File::open(path).open_dataset(column).id());
  };
  for (const char* column :
       {"tiles/slide", "tiles/reason", "cells/x", "cells/class", "cells/contour_size",
        "cells/solidity", "contours/y", "features/mean_r"}) {
    write_range(path, example_schema(), example_range());
    const auto at = static_cast<std::streamoff>(offset_of(column));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 1));
    file.close();
    EXPECT_EQ(error_of([&] { RangeReader(path, example_schema()).verify(); }).code(),
              ErrorCode::kHdf5)
        << column;
  }
}

TEST(RangeFile, TruncatedOrForeignFilesAreRefused) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  write_range(path, example_schema(), example_range());
  const auto size = std::filesystem::file_size(path);
  std::filesystem::resize_file(path, size / 2);
  EXPECT_EQ(error_of([&] { RangeReader reader(path, example_schema()); }).code(), ErrorCode::kHdf5);
  write_range(path, example_schema(), example_range());
  EXPECT_EQ(error_of([&] { RangeReader reader(path, {}); }).code(), ErrorCode::kHdf5)
      << "another schema";
  h5::File other = h5::File::create(path);
  other.close();
  EXPECT_EQ(error_of([&] { RangeReader reader(path, example_schema()); }).code(), ErrorCode::kHdf5);
}

TEST(RangeFile, SizesThatDoNotAddUpAreOurBug) {
  const TempFolder folder;
  const auto write = [&](auto change) {
    RangeResult range = example_range();
    change(range);
    return error_of([&] { write_range(folder.path() / "a.h5", example_schema(), range); }).code();
  };
  EXPECT_EQ(write([](RangeResult& r) { r.tiles[0].n_cells = 4; }), ErrorCode::kInternal);
  EXPECT_EQ(write([](RangeResult& r) { r.cells.features.pop_back(); }), ErrorCode::kInternal);
  EXPECT_EQ(write([](RangeResult& r) { r.cells.contour_size[0] = 4; }), ErrorCode::kInternal);
  EXPECT_EQ(write([](RangeResult& r) { r.tile_features.clear(); }), ErrorCode::kInternal);
}

TEST(RangeFile, AFullDiskLeavesNothing) {
  std::signal(SIGXFSZ, SIG_IGN);
  const TempFolder folder;
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1000}, rlim_t{8000}}) {
    const rlimit small{limit, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Error error =
        error_of([&] { write_range(folder.path() / "a.h5", example_schema(), example_range()); });
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    EXPECT_EQ(h5::open_objects(), 0u);
  }
  write_range(folder.path() / "a.h5", example_schema(), example_range());
}

TEST(RangeFile, AMissingFolderThatCannotBeMadeIsAnError) {
  const TempFolder folder;
  std::ofstream(folder.path() / "ranges") << "a file where a folder should be";
  const Error error = error_of(
      [&] { write_range(folder.path() / "ranges" / "a.h5", example_schema(), example_range()); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
}

}  // namespace
}  // namespace tilepool
