// Whole tiles on the device: the same cells as on the CPU, whatever the device's memory.
#include "cuda/gpu_device.h"

#include <thread>
#include <tuple>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/kernels/cpu_backend.h"
#include "cuda/band_backend.h"
#include "cuda/device_test.h"
#include "cuda/drawn_tile.h"
#include "cuda/gpu_backend.h"

namespace tilepool {
namespace {

using testing::kOrders;

constexpr std::int64_t kWidth = 190;
constexpr std::int64_t kHeight = 150;

/// All that a backend tells of a tile.
struct Told {
  std::vector<std::tuple<int, int, int, int, int, int, std::int64_t, std::int64_t>> boxes;
  std::vector<std::vector<std::int64_t>> cells;
  std::vector<std::uint64_t> sums;
  bool operator==(const Told&) const = default;
};

Told ask(Backend& backend, RgbView rgb, const SegmentPlan& plan) {
  Told told;
  backend.begin(rgb);
  const ColourSums<kPlainChannels> colour = backend.colour({10, 20, 100, 90});
  told.sums.assign(colour.sum.begin(), colour.sum.end());
  told.sums.insert(told.sums.end(), colour.square.begin(), colour.square.end());
  told.sums.push_back(colour.count);
  std::vector<std::int32_t> labels;
  for (const RegionBox& b : backend.find_cells(plan, {5, 0, kWidth - 5, kHeight - 7})) {
    told.boxes.emplace_back(b.x_begin, b.y_begin, b.x_end, b.y_end, b.first_x, b.area, b.sum_x,
                            b.sum_y);
    labels.push_back(static_cast<std::int32_t>(told.boxes.size()));
  }
  std::reverse(labels.begin(), labels.end());
  backend.measure_cells(plan, labels, [&](std::size_t i, const CellMeasures& m) {
    EXPECT_EQ(i, told.cells.size());
    std::vector<std::int64_t> row = {m.shape.area,     m.shape.x,         m.shape.y,
                                     m.shape.xx,       m.shape.yy,        m.shape.xy,
                                     m.shape.box_area, m.shape.hull_area, m.shape.straight,
                                     m.shape.diagonal, m.shape.mixed};
    for (std::size_t c = 0; c < kAllChannels; ++c) {
      row.push_back(static_cast<std::int64_t>(m.colour.sum[c]));
      row.push_back(static_cast<std::int64_t>(m.colour.square[c]));
    }
    row.push_back(static_cast<std::int64_t>(m.colour.count));
    row.push_back(static_cast<std::int64_t>(m.colour.dark));
    for (const HalfPixel& p : m.ring) {
      row.push_back(p.x);
      row.push_back(p.y);
    }
    told.cells.push_back(row);
  });
  backend.finish();
  return told;
}

class GpuDeviceTest : public testing::DeviceTest {
 protected:
  GpuDeviceTest() : pixels_(testing::draw_tile(kWidth, kHeight, 60)) {}
  [[nodiscard]] const std::vector<std::uint8_t>& pixels() const { return pixels_; }
  [[nodiscard]] RgbView rgb() { return {pixels_.data(), kWidth, kHeight, 3 * kWidth}; }
  [[nodiscard]] Told of_cpu(const SegmentPlan& plan) {
    host_scratch().reset();
    CpuBackend cpu(host_scratch());
    return ask(cpu, rgb(), plan);
  }
  [[nodiscard]] static GpuRequest request() {
    GpuRequest wanted;
    wanted.width = kWidth;
    wanted.height = kHeight;
    wanted.tiles_in_flight = 3;
    return wanted;
  }
  Budget host_{std::size_t{1} << 30};

 private:
  std::vector<std::uint8_t> pixels_;
};
INSTANTIATE_TEST_SUITE_P(Orders, GpuDeviceTest, kOrders);

TEST_P(GpuDeviceTest, TellsOfATileWhatTheCpuTells) {
  SegmentPlan plan = testing::plan_of_drawn_tile();
  const auto device = open_gpu(lay_out_gpu(request(), 500 * kMiB, 0), host_);
  const auto backend = device->make_backend();
  for (const bool fluorescence : {false, true}) {
    plan.fluorescence = fluorescence;
    const Told cpu = of_cpu(plan);
    EXPECT_GT(cpu.boxes.size(), fluorescence ? 0U : 20U);
    const Told gpu = ask(*backend, rgb(), plan);
    EXPECT_EQ(gpu.sums, cpu.sums);
    EXPECT_EQ(gpu.boxes, cpu.boxes);
    EXPECT_EQ(gpu.cells, cpu.cells);
  }
  const auto use = device->use();
  EXPECT_GT(use.busy_s, 0);
  EXPECT_LE(use.peak_bytes, 500 * kMiB);
}

TEST_P(GpuDeviceTest, AnyBudgetGivesTheSame) {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const Told cpu = of_cpu(plan);
  const std::size_t whole = gpu::GpuBackend::device_bytes(kWidth, kHeight, true);
  const std::size_t band = gpu::BandBackend::device_bytes(kWidth, 60);
  for (const std::size_t limit : {3 * whole, whole, whole - 1, (whole + band) / 2}) {
    const GpuGrant grant = lay_out_gpu(request(), limit, 0);
    EXPECT_EQ(grant.in_bands, limit < whole);
    const auto device = open_gpu(grant, host_);
    EXPECT_EQ(ask(*device->make_backend(), rgb(), plan), cpu) << limit;
    EXPECT_LE(device->use().peak_bytes, limit);
  }
}

TEST_P(GpuDeviceTest, BandsOfAnyHeightGiveTheSame) {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const Told cpu = of_cpu(plan);
  for (const std::int64_t rows : {1, 70, 149, 150}) {
    GpuGrant grant{request()};
    grant.in_bands = true;
    grant.backend_bytes = gpu::BandBackend::device_bytes(kWidth, rows);
    grant.limit_bytes = grant.backend_bytes;
    const auto device = open_gpu(grant, host_);
    EXPECT_EQ(ask(*device->make_backend(), rgb(), plan), cpu) << rows << " rows";
  }
}

TEST_P(GpuDeviceTest, NormalisedTilesAreTheSameAndComeDown) {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const auto map = make_stain_map(
      MacenkoProfile{{{{0.65, 0.70, 0.29}, {0.07, 0.99, 0.11}}}, {1.4, 0.9}},
      MacenkoProfile{{{{0.5626, 0.7201, 0.4062}, {0.2159, 0.8012, 0.5581}}}, {1.9705, 1.0308}});
  const Rect part{5, 0, kWidth - 5, kHeight - 7};
  const auto of = [&](Backend& backend) {
    std::vector<std::uint8_t> copy = pixels();
    const RgbView view{copy.data(), kWidth, kHeight, 3 * kWidth};
    backend.begin(view);
    backend.normalise(*map, part);
    const std::size_t cells = backend.find_cells(plan, part).size();
    const std::uint64_t red = backend.colour(part).sum[0];
    EXPECT_EQ(backend.host_pixels().data, copy.data());
    backend.finish();
    return std::tuple(cells, red, copy);
  };
  host_scratch().reset();
  CpuBackend cpu(host_scratch());
  const auto expected = of(cpu);
  EXPECT_NE(std::get<2>(expected), pixels());
  for (const std::size_t limit : {gpu::GpuBackend::device_bytes(kWidth, kHeight, true),
                                  gpu::BandBackend::device_bytes(kWidth, kHeight)}) {
    const auto device = open_gpu(lay_out_gpu(request(), limit, 0), host_);
    EXPECT_EQ(of(*device->make_backend()), expected);
  }
}

TEST_P(GpuDeviceTest, SeveralTilesAtOnceGiveTheSame) {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const Told cpu = of_cpu(plan);
  const auto device = open_gpu(lay_out_gpu(request(), 900 * kMiB, 0), host_);
  std::vector<Told> told(3);
  std::vector<std::thread> threads;
  for (Told& mine : told)
    threads.emplace_back([&] { mine = ask(*device->make_backend(), rgb(), plan); });
  for (std::thread& thread : threads) thread.join();
  for (const Told& mine : told) EXPECT_EQ(mine, cpu);
}

TEST_P(GpuDeviceTest, TilesOfOtherSizesFitToo) {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const auto device = open_gpu(lay_out_gpu(request(), 500 * kMiB, 0), host_);
  const auto backend = device->make_backend();
  for (const auto& [w, h] : {std::pair{1, 1}, std::pair{33, 150}, std::pair{190, 7}}) {
    const RgbView part = rgb().window(3, 0, w - 3 < 0 ? w : w - 3, h);
    host_scratch().reset();
    CpuBackend cpu(host_scratch());
    cpu.begin(part);
    backend->begin(part);
    const Rect all{0, 0, part.width, part.height};
    EXPECT_EQ(cpu.find_cells(plan, all).size(), backend->find_cells(plan, all).size());
    backend->finish();
  }
}

TEST(GpuGrantTest, SaysTheSmallestBudgetThatWouldDo) {
  if (list_gpus().empty()) GTEST_SKIP() << "there is no GPU";
  GpuRequest wanted;
  wanted.width = wanted.height = 3300;
  wanted.tiles_in_flight = 4;
  const std::size_t whole = gpu::GpuBackend::device_bytes(3300, 3300, true);
  EXPECT_EQ(lay_out_gpu(wanted, 10 * whole, 500 * kMiB).tiles_in_flight, 4);
  EXPECT_EQ(lay_out_gpu(wanted, 2 * whole + 500 * kMiB, 500 * kMiB).tiles_in_flight, 2);
  EXPECT_TRUE(lay_out_gpu(wanted, whole + 499 * kMiB, 500 * kMiB).in_bands);
  try {
    (void)lay_out_gpu(wanted, 512 * kMiB, 500 * kMiB);
    FAIL() << "12 MiB cannot do";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudget);
    EXPECT_NE(std::string(error.what()).find("the smallest that would do"), std::string::npos);
  }
  wanted.cells = false;
  EXPECT_FALSE(lay_out_gpu(wanted, 600 * kMiB, 500 * kMiB).in_bands);
}

}  // namespace
}  // namespace tilepool
