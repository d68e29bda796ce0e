#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <limits>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "support/error_of.h"
#include "support/run_python.h"

namespace tilepool::h5 {
namespace {

using testing::error_of;

using tilepool::testing::TempFolder;

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Hdf5File, NumbersTextsAndAttributesComeBack) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  const std::vector<std::string> names = {"", "übung", "a longer one"};
  {
    File file = File::create(path);
    file.write_column<std::uint64_t>("deep/er/u64", std::vector<std::uint64_t>{0, ~0ull});
    file.write_column<std::int8_t>("i8", std::vector<std::int8_t>{-128, 127});
    file.write_column<float>("empty", std::vector<float>{});
    file.write_texts("names", names);
    file.set_text("text", "größer");
    file.set_text("nothing", "");
    file.set_text("large", std::string(200000, 'x'));
    file.set("seed", ~std::uint64_t{0});
    file.set("nan", std::numeric_limits<double>::quiet_NaN());
    file.set("seed", std::uint64_t{7});
    file.set_texts("list", names);
    file.close();
  }
  const File file = File::open(path);
  EXPECT_EQ(file.read_column<std::uint64_t>("deep/er/u64"), (std::vector<std::uint64_t>{0, ~0ull}));
  EXPECT_EQ(file.read_column<std::int8_t>("i8"), (std::vector<std::int8_t>{-128, 127}));
  EXPECT_TRUE(file.read_column<float>("empty").empty());
  EXPECT_EQ(file.read_texts("names"), names);
  EXPECT_EQ(file.text("text"), "größer");
  EXPECT_EQ(file.text("nothing"), "");
  EXPECT_EQ(file.text("large").size(), 200000u);
  EXPECT_EQ(file.get<std::uint64_t>("seed"), 7u);
  EXPECT_TRUE(std::isnan(file.get<double>("nan")));
  EXPECT_EQ(file.texts("list"), names);
  EXPECT_EQ(file.names(""), (std::vector<std::string>{"deep", "empty", "i8", "names"}));
  EXPECT_FALSE(file.exists("deep/none/u64"));
}

TEST(Hdf5File, HyperslabsOfTwoAxes) {
  const TempFolder folder;
  File file = File::create(folder.path() / "a.h5");
  Dataset grid = file.create_dataset<std::int32_t>("grid", {4, 5}, {{2, 3}, false, {}});
  std::vector<std::int32_t> values(20);
  for (int i = 0; i < 20; ++i) values[static_cast<std::size_t>(i)] = i;
  grid.write(0, std::span<const std::int32_t>(values).first(10));
  grid.write(2, std::span<const std::int32_t>(values).last(10));
  std::vector<std::int32_t> box(6);
  const std::vector<std::uint64_t> start = {1, 2}, count = {2, 3};
  grid.read_box(start, count, std::span(box));
  EXPECT_EQ(box, (std::vector<std::int32_t>{7, 8, 9, 12, 13, 14}));
  box.assign(6, -1);
  grid.write_box(start, count, std::span<const std::int32_t>(box));
  std::vector<std::int32_t> all(20);
  grid.read(0, std::span(all));
  EXPECT_EQ(all[6], 6);
  EXPECT_EQ(all[7], -1);
  EXPECT_EQ(all[14], -1);
  EXPECT_EQ(all[15], 15);
  EXPECT_EQ(grid.chunk(), (std::vector<std::uint64_t>{2, 3}));
  const Error beyond = error_of([&] { grid.read(3, std::span(all).first(10)); });
  EXPECT_EQ(beyond.code(), ErrorCode::kHdf5) << beyond.what();
}

TEST(Hdf5File, EveryHandleIsClosed) {
  const TempFolder folder;
  initialise();
  ASSERT_EQ(open_objects(), 0u);
  {
    File file = File::create(folder.path() / "a.h5");
    Dataset column = file.write_column<float>("a/b/c", std::vector<float>{1});
    EXPECT_EQ(open_objects(), 2u);
    EXPECT_EQ(error_of([&] { file.close(); }).code(), ErrorCode::kInternal) << "a dataset is open";
    column.close();
  }
  EXPECT_EQ(open_objects(), 0u);
}

TEST(Hdf5File, EqualContentGivesEqualBytes) {
  const TempFolder folder;
  const auto write = [&](const char* name) {
    File file = File::create(folder.path() / name);
    Group::create(file, "g").set("a", 1);
    file.write_column<float>("g/x", std::vector<float>(1000, 1.5F),
                             column_layout(1000, 300, {FilterKind::kGzip, 1}));
    file.close();
    return bytes_of(folder.path() / name);
  };
  const std::string first = write("a.h5");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // time stamps count in seconds
  EXPECT_EQ(first, write("b.h5"));
}

TEST(Hdf5File, ErrorsTellFileAndReason) {
  const TempFolder folder;
  const Error absent = error_of([&] { File::open(folder.path() / "none.h5"); });
  EXPECT_EQ(absent.code(), ErrorCode::kIo);
  EXPECT_NE(std::string(absent.what()).find("none.h5"), std::string::npos) << absent.what();
  EXPECT_NE(std::string(absent.what()).find("No such file"), std::string::npos) << absent.what();
  const Error folderless = error_of([&] { File::create(folder.path() / "no" / "a.h5"); });
  EXPECT_EQ(folderless.code(), ErrorCode::kIo);
  EXPECT_NE(std::string(folderless.what()).find("No such file"), std::string::npos);
  std::ofstream(folder.path() / "text.h5") << "this is no HDF5 file at all";
  const Error text = error_of([&] { File::open(folder.path() / "text.h5"); });
  EXPECT_EQ(text.code(), ErrorCode::kHdf5);
  EXPECT_EQ(std::string(text.what()).find('\n'), std::string::npos);
  File file = File::create(folder.path() / "a.h5");
  EXPECT_EQ(error_of([&] { (void)file.open_dataset("cells/x"); }).code(), ErrorCode::kHdf5);
  EXPECT_EQ(error_of([&] { (void)file.text("x"); }).code(), ErrorCode::kHdf5);
}

TEST(Hdf5File, TruncatedFileIsAnError) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  File file = File::create(path);
  file.write_column<double>("x", std::vector<double>(5000, 1.0));
  file.close();
  std::filesystem::resize_file(path, 20000);
  EXPECT_EQ(error_of([&] { File::open(path); }).code(), ErrorCode::kHdf5);
}

/// HDF5's own driver ends in a segmentation fault when a flush fails.
TEST(Hdf5File, FullDiskIsAnErrorNotACrash) {
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  const TempFolder folder;
  for (const rlim_t limit : {rlim_t{0}, rlim_t{100}, rlim_t{3000}, rlim_t{2000000}}) {
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const rlimit small{limit, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Error error = error_of([&] {
      File file = File::create(folder.path() / "a.h5");
      for (int i = 0; i < 30; ++i) {
        file.write_column<double>("d" + std::to_string(i), std::vector<double>(20000, 1.0),
                                  column_layout(20000, 5000, {FilterKind::kNone, 1}));
      }
      file.close();
    });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
    EXPECT_NE(std::string(error.what()).find("File too large"), std::string::npos) << error.what();
    EXPECT_EQ(open_objects(), 0u);
  }
}

TEST(Hdf5File, PythonReadsIt) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  File file = File::create(path);
  const std::vector<std::string> names = {"a", "größer"};
  file.write_texts("names", names);
  file.set_text("text", "größer");
  file.set_text("large", std::string(100000, 'x'));
  file.write_column<std::uint64_t>("g/u64", std::vector<std::uint64_t>{1, ~0ull},
                                   column_layout(2, 65536, {FilterKind::kGzip, 3}));
  file.write_column<std::int16_t>("g/i16", std::vector<std::int16_t>{-2, 3});
  file.close();
  TILEPOOL_EXPECT_PYTHON(R"(
import sys, h5py, numpy as np
f = h5py.File(sys.argv[1], 'r')
info = h5py.check_string_dtype(f['names'].dtype)
assert info.encoding == 'utf-8' and info.length == 8, info
assert [n.decode() for n in f['names'][:]] == ['a', 'größer']
assert f['names'].id.get_type().get_strpad() == h5py.h5t.STR_NULLPAD
t = f.attrs['text']; t = t.decode() if isinstance(t, bytes) else t
assert t == 'größer', t
assert len(f.attrs['large']) == 100000
assert f['g/u64'].dtype == '<u8' and list(f['g/u64'][:]) == [1, 2**64 - 1]
assert f['g/u64'].compression == 'gzip' and f['g/u64'].compression_opts == 3 and f['g/u64'].shuffle
assert f['g/i16'].dtype == '<i2' and list(f['g/i16'][:]) == [-2, 3]
)",
                         path.string());
}

}  // namespace
}  // namespace tilepool::h5
