// What fuzzing found (tests/fuzz), one test a finding.
#include <fstream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/model/options_json.h"
#include "common/run/atomic_file.h"
#include "common/run/calibration_file.h"
#include "common/run/checksum.h"
#include "common/run/plan_file.h"
#include "common/run/run_json.h"
#include "common/run/run_lock.h"
#include "common/run/seal.h"
#include "common/run/status_json.h"
#include "common/run/strip_file.h"
#include "support/error_of.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::error_of;
using testing::TempFolder;

std::filesystem::path write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

constexpr std::size_t kDeep = 100'000;

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part << " is not in " << text;
  return text.replace(at, part.size(), by);
}

// The JSON library prints and copies recursively: a deep list overflowed the stack.
TEST(DamagedFiles, ADeepListInTheConfigurationIsRefused) {
  for (const char* key : {"slides", "manifest"}) {
    const std::string text = "{\"" + std::string(key) + "\": " + nested(kDeep) + "}";
    const Error error = error_of([&] { (void)options_from_json(text); });
    EXPECT_EQ(error.code(), ErrorCode::kConfig);
    EXPECT_NE(std::string(error.what()).find("64 levels"), std::string::npos) << error.what();
  }
}

TEST(DamagedFiles, ADeepValueOfSetIsRefused) {
  const TempFolder folder;
  const auto file = write(folder.path() / "run.json", "{\"slides\": [\"a.svs\"]}");
  std::string deep = "/slides/0";
  for (std::size_t i = 0; i < kDeep; ++i) deep += "/a";
  for (const std::string& set : {"/tiles/size_px=" + nested(kDeep), deep + "=1"})
    EXPECT_EQ(error_of([&] { (void)load_config(file, {set}); }).code(), ErrorCode::kConfig);
}

// Text that is not UTF-8 where an integer belongs left as the JSON library's exception.
TEST(DamagedFiles, ASetThatIsNotUtf8IsRefused) {
  const TempFolder folder;
  const auto file = write(folder.path() / "run.json", "{}");
  const Error error = error_of([&] { (void)load_config(file, {"/tiles/size_px=\xff"}); });
  EXPECT_EQ(error.code(), ErrorCode::kConfig);
  EXPECT_NE(std::string(error.what()).find("expected an integer"), std::string::npos);
}

TEST(DamagedFiles, ADeepRunJsonIsRefused) {
  const TempFolder folder;
  const auto file = write(folder.path() / "run.json",
                          "{\"format\": \"tilepool-run\", \"config\": " + nested(kDeep) + "}");
  EXPECT_EQ(error_of([&] { (void)read_run_json(file); }).code(), ErrorCode::kIo);
}

// A number with a point, out of the integer's range, was converted: undefined.
TEST(DamagedFiles, AFloatingPointNumberIsNoInteger) {
  const TempFolder folder;
  RunStatus status;
  status.ranks.resize(1);
  const auto status_file = write(folder.path() / "status.json", status_to_json(status));
  EXPECT_EQ(read_status(status_file).ranks.size(), 1u);
  for (const auto& [right, wrong] : std::vector<std::pair<std::string, std::string>>{
           {"\"cells\": 0", "\"cells\": 1e300"}, {"\"pid\": 0", "\"pid\": -0.5"}}) {
    write(status_file, replaced(status_to_json(status), right, wrong));
    EXPECT_EQ(error_of([&] { (void)read_status(status_file); }).code(), ErrorCode::kIo) << wrong;
  }

  const std::string lock = R"({"host":"a","space":"b","pid":7,"start_ticks":9,"since":"c"})";
  EXPECT_TRUE(read_lock(write(folder.path() / "run.lock", lock)));
  const auto no_lock = write(folder.path() / "run.lock", replaced(lock, ":7,", ":1e300,"));
  EXPECT_FALSE(read_lock(no_lock));

  const auto calibration = folder.path() / "calibration.json";
  write_slide_calibration(calibration, {"a", {}, {{1, 2, 333, 4}}, ""});
  write(calibration, replaced(read_file(calibration), "333", "1e300"));
  EXPECT_EQ(error_of([&] { (void)read_slide_calibration(calibration); }).code(), ErrorCode::kIo);
}

TEST(DamagedFiles, AStripOfAFloatingPointIndexIsNone) {
  const TempFolder folder;
  const auto file = folder.path() / "strip";
  const StripId id{"fingerprint", 1, 3};
  write_given_up_strip(file, id, "killed its worker");
  std::vector<std::uint8_t> pixels(12);
  EXPECT_TRUE(read_strip(file, id, {pixels.data(), 2, 2, 6}));
  std::string bytes = read_file(file);
  bytes.resize(bytes.size() - sizeof(std::uint64_t));
  bytes = replaced(bytes, "\"index\":1", "\"index\":1e300");
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(bytes)));
  const std::uint64_t sum = checksum.value();
  write(file, bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum));
  EXPECT_FALSE(read_strip(file, id, {pixels.data(), 2, 2, 6}));
}

// Rows were taken from beyond the end of the block that had been read.
TEST(DamagedFiles, APlanWhoseSampleDoesNotAscendIsRefused) {
  const TempFolder folder;
  const auto file = folder.path() / "plan.h5";
  {
    PlanWriter plan(file, {});
    plan.append_pool(std::vector<PoolTile>(10));
    plan.write_slides({});
    plan.write_sample(std::vector<std::uint64_t>{5, 6, 7}, std::vector<std::uint8_t>(3));
    plan.commit();
  }
  {
    h5::File damaged = h5::File::open_to_write(file);
    const std::vector<std::uint64_t> sample = {5, 7, 6};
    damaged.open_dataset("sample/pool").write(0, std::span<const std::uint64_t>(sample));
    damaged.close();
    seal(file);
  }
  const PlanReader plan(file);
  EXPECT_EQ(error_of([&] { (void)plan.sample_tiles(0, 3); }).code(), ErrorCode::kHdf5);
  EXPECT_EQ(plan.sample_tiles(0, 2).size(), 2u);
}

// HDF5 1.10 copies more bytes out of a chunk than the file says that it has: it must not see one.
TEST(DamagedFiles, WhatIsNotAsItWasSealedIsNotOpened) {
  const TempFolder folder;
  const auto file = folder.path() / "calibration.h5";
  write_calibration(file, {{"a", {{"x", 1}}, {}, ""}}, {{"y", 2}});
  const std::string good = read_file(file);
  EXPECT_EQ(read_calibration(file).size(), 1u);
  for (std::size_t at = 0; at < good.size(); at += at + 97 < good.size() ? 97 : 1) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write(file, bad);
    EXPECT_EQ(error_of([&] { (void)read_calibration(file); }).code(), ErrorCode::kHdf5) << at;
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{23}, std::size_t{24}, good.size() - 1}) {
    write(file, good.substr(0, size));
    EXPECT_EQ(error_of([&] { check_seal(file); }).code(), ErrorCode::kHdf5) << size;
  }
  write(file, good + good.substr(good.size() - 24));
  EXPECT_EQ(error_of([&] { check_seal(file); }).code(), ErrorCode::kHdf5) << "sealed twice";
  EXPECT_EQ(error_of([&] { check_seal(folder.path() / "none"); }).code(), ErrorCode::kIo);
  write(file, good);
  check_seal(file);
}

// Memory was asked for as the file said, whatever it said.
TEST(DamagedFiles, ADatasetThatClaimsMoreThanTheFileHoldsIsRefused) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  {
    h5::File file = h5::File::create(path);
    const h5::Layout layout{{16}, true, {h5::FilterKind::kGzip, 1}};
    (void)file.create_dataset<std::uint64_t>("never_written", {std::uint64_t{1} << 61}, layout);
    // As well compressed as it can be.
    const std::vector<std::uint64_t> zeros(100'000);
    (void)file.write_column<std::uint64_t>("zeros", zeros,
                                           {{100'000}, false, {h5::FilterKind::kGzip, 9}});
    (void)file.write_column<std::uint64_t>("empty", {});
    file.close();
  }
  const h5::File file = h5::File::open(path);
  EXPECT_EQ(error_of([&] { (void)file.read_column<std::uint64_t>("never_written"); }).code(),
            ErrorCode::kHdf5);
  EXPECT_EQ(file.read_column<std::uint64_t>("zeros").size(), 100'000u);
  EXPECT_TRUE(file.read_column<std::uint64_t>("empty").empty());
}

}  // namespace
}  // namespace tilepool
