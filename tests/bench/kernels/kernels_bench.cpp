// How fast is each kernel on this GPU, against the rate at which the same GPU copies memory in the
// same process, and against the CPU's kernel?
//
//     kernels_bench [--pixels EDGE] [--markdown FILE]
//
// A tile of EDGE x EDGE pixels (default 3000) of drawn nuclei. Times are medians of 15 runs on the
// device (events), of 3 on the CPU (one thread). "moved" is the least that must be read and
// written; a kernel that passes over the memory more often shows a lower share. The last results
// are in docs/performance.md.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/kernels/components.h"
#include "common/kernels/cpu_backend.h"
#include "common/kernels/distance.h"
#include "common/kernels/grow.h"
#include "common/kernels/height_map.h"
#include "common/kernels/holes.h"
#include "common/kernels/normalise_stain.h"
#include "common/kernels/open_labels.h"
#include "cuda/device.h"
#include "cuda/drawn_tile.h"
#include "cuda/find_nuclei.h"
#include "cuda/gpu_backend.h"
#include "cuda/kernels/components.h"
#include "cuda/kernels/distance.h"
#include "cuda/kernels/gaussian.h"
#include "cuda/kernels/grow.h"
#include "cuda/kernels/height_map.h"
#include "cuda/kernels/holes.h"
#include "cuda/kernels/local_threshold.h"
#include "cuda/kernels/morphology.h"
#include "cuda/kernels/normalise_stain.h"
#include "cuda/kernels/open_labels.h"
#include "cuda/kernels/stain.h"
#include "cuda/kernels/watershed.h"
#include "cuda/queue.h"

namespace tilepool {
namespace {

constexpr int kDeviceRuns = 15;
constexpr int kHostRuns = 3;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::unique_ptr<const StainMap> same(const StainProfile& profile) {
  return make_stain_map(profile, profile);
}

/// All planes of one tile, on the device or on the host.
struct Planes {
  RgbView rgb;
  ImageView<std::uint16_t> plane, height, out16;
  ImageView<std::uint8_t> counted, mask, out8;
  ImageView<std::int32_t> labels, out32;
  std::int32_t* count = nullptr;

  Planes(Arena& memory, std::int64_t edge)
      : rgb(memory.take_rgb(edge, edge)),
        plane(memory.take_image<std::uint16_t>(edge, edge)),
        height(memory.take_image<std::uint16_t>(edge, edge)),
        out16(memory.take_image<std::uint16_t>(edge, edge)),
        counted(memory.take_image<std::uint8_t>(edge, edge)),
        mask(memory.take_image<std::uint8_t>(edge, edge)),
        out8(memory.take_image<std::uint8_t>(edge, edge)),
        labels(memory.take_image<std::int32_t>(edge, edge)),
        out32(memory.take_image<std::int32_t>(edge, edge)),
        count(memory.take<std::int32_t>(1).data()) {}
};

struct Case {
  std::string name;
  double bytes_per_pixel;  ///< moved
  std::function<void(gpu::Queue&)> device;
  std::function<void(Arena&)> host;
};

double device_seconds(gpu::Queue& queue, const std::function<void(gpu::Queue&)>& run) {
  std::vector<double> seconds;
  for (int i = 0; i < kDeviceRuns; ++i) {
    queue.begin_stretch();
    run(queue);
    queue.end_stretch();
    queue.wait();
    const auto stretch = queue.last_stretch();
    seconds.push_back(stretch.end_s - stretch.begin_s);
  }
  return median(seconds);
}

double host_seconds(Arena& scratch, const std::function<void(Arena&)>& run) {
  std::vector<double> seconds;
  for (int i = 0; i < kHostRuns; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    run(scratch);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return median(seconds);
}

class Bench {
 public:
  Bench(std::int64_t edge, std::FILE* markdown) : edge_(edge), markdown_(markdown) {}

  void run();

 private:
  std::vector<Case> cases(const SegmentPlan& plan);
  void report(const Case& c, double device_s, double host_s);
  void whole_tile(const SegmentPlan& plan);

  std::int64_t edge_;
  std::FILE* markdown_;
  double copy_rate_ = 0;  // bytes/s, read and written
  gpu::DeviceMemory memory_{0, std::size_t{16} << 30};
  Budget host_budget_{std::size_t{16} << 30};
  gpu::Queue queue_{memory_, std::size_t{4} << 30};
  Arena host_{host_budget_, std::size_t{4} << 30, "the benchmark"};
  Planes there_{queue_.scratch(), edge_};
  Planes here_{host_, edge_};
  // From a profile to itself: the pixels stay much as they are.
  std::unique_ptr<const StainMap> macenko_ = same(
      MacenkoProfile{{{{0.5626, 0.7201, 0.4062}, {0.2159, 0.8012, 0.5581}}}, {1.9705, 1.0308}});
  std::unique_ptr<const StainMap> reinhard_ =
      same(ReinhardProfile{{-0.86, -0.12, 0.04}, {0.61, 0.11, 0.03}});
};

// The planes are what the chain leaves behind, so that each kernel sees what it sees in a job.
std::vector<Case> Bench::cases(const SegmentPlan& plan) {
  Planes& d = there_;
  Planes& h = here_;
  const Rect all{0, 0, edge_, edge_};
  return {
      {"unmix + stained_mask", 3 + 2 + 1,
       [&, all](gpu::Queue& q) {
         gpu::unmix_inside(q, d.rgb, plan.stain1, plan.stained_limit, all, d.plane, d.counted);
       },
       [&](Arena&) {
         unmix(h.rgb, plan.stain1, h.plane);
         stained_mask(h.rgb, plan.stained_limit, h.counted);
       }},
      {"normalise_stain (Macenko)", 3 + 3,
       [&](gpu::Queue& q) { gpu::normalise_stain(q, d.rgb, *macenko_); },
       [&](Arena&) { normalise_stain(h.rgb, *macenko_); }},
      {"normalise_stain (Reinhard)", 3 + 3,
       [&](gpu::Queue& q) { gpu::normalise_stain(q, d.rgb, *reinhard_); },
       [&](Arena&) { normalise_stain(h.rgb, *reinhard_); }},
      {"smooth", 2 + 2, [&](gpu::Queue& q) { gpu::smooth(q, d.plane, plan.smoothing, d.out16); },
       [&](Arena& a) { smooth(h.plane, plan.smoothing, a, h.out16); }},
      {"above_local_threshold", 2 + 1 + 1,
       [&](gpu::Queue& q) {
         gpu::above_local_threshold(q, d.plane, d.counted, plan.threshold, d.mask);
       },
       [&](Arena& a) { above_local_threshold(h.plane, h.counted, plan.threshold, a, h.mask); }},
      {"fill_holes", 1 + 1, [&](gpu::Queue& q) { gpu::fill_holes(q, d.mask, plan.max_hole_px); },
       [&](Arena& a) { fill_holes(h.mask, plan.max_hole_px, a); }},
      {"open", 1 + 1, [&](gpu::Queue& q) { gpu::open(q, d.mask, plan.opening, d.out8); },
       [&](Arena& a) { open(h.mask, plan.opening, a, h.out8); }},
      {"distance_sixteenths", 1 + 2,
       [&](gpu::Queue& q) { gpu::distance_sixteenths(q, d.out8, d.height); },
       [&](Arena& a) { distance_sixteenths(h.out8, a, h.height); }},
      {"raise_by_plane", 1 + 2 + 2 + 2,
       [&](gpu::Queue& q) {
         gpu::raise_by_plane(q, d.out8, d.plane, plan.contrast_gain_256, d.height);
       },
       [&](Arena&) { raise_by_plane(h.out8, h.plane, plan.contrast_gain_256, h.height); }},
      {"split_by_dynamics", 1 + 2 + 4,
       [&](gpu::Queue& q) {
         gpu::split_by_dynamics(q, d.out8, d.height, plan.merge, d.labels, d.count);
       },
       [&](Arena& a) { (void)split_by_dynamics(h.out8, h.height, plan.merge, a, h.labels); }},
      {"open_labels", 4 + 4, [&](gpu::Queue& q) { gpu::open_labels(q, d.labels, plan.trim); },
       [&](Arena& a) { open_labels(h.labels, plan.trim, a); }},
      {"relabel_components", 4 + 4,
       [&](gpu::Queue& q) { gpu::relabel_components(q, d.labels, Connectivity::kEight, d.count); },
       [&](Arena& a) { (void)relabel_components(h.labels, Connectivity::kEight, a); }},
      {"grow_labels", 4 + 4, [&](gpu::Queue& q) { gpu::grow_labels(q, d.labels, plan.grow); },
       [&](Arena& a) { grow_labels(h.labels, plan.grow, a); }},
  };
}

void Bench::report(const Case& c, double device_s, double host_s) {
  const auto pixels = static_cast<double>(edge_ * edge_);
  const double rate = c.bytes_per_pixel * pixels / device_s;
  const std::string row =
      fmt::format("| {} | {:.2f} | {:.1f} | {:.0f} | {:.0f} % | {:.0f} |\n", c.name, device_s * 1e3,
                  pixels / device_s / 1e9, rate / 1e9, 100 * rate / copy_rate_, host_s / device_s);
  fmt::print("{}", row);
  if (markdown_ != nullptr) fmt::print(markdown_, "{}", row);
}

void Bench::run() {
  const SegmentPlan plan = testing::plan_of_drawn_tile();
  const std::vector<std::uint8_t> pixels = testing::draw_tile(edge_, edge_, edge_ * edge_ / 900);
  std::copy(pixels.begin(), pixels.end(), here_.rgb.data);
  queue_.upload_rgb({pixels.data(), edge_, edge_, 3 * edge_}, there_.rgb);
  queue_.wait();
  const auto bytes = static_cast<std::size_t>(4 * edge_ * edge_);
  copy_rate_ = 2 * static_cast<double>(bytes) / device_seconds(queue_, [&](gpu::Queue& q) {
                 q.copy(there_.labels.data, there_.out32.data, bytes);
               });
  const std::string head = fmt::format(
      "\nA tile of {0} x {0} px on {1}; the device copies {2:.0f} GB/s (read and written).\n\n"
      "| kernel | ms | Gpx/s | GB/s | of the copy rate | times the CPU "
      "|\n|---|---|---|---|---|---|\n",
      edge_, list_gpus().at(0).name, copy_rate_ / 1e9);
  fmt::print("{}", head);
  if (markdown_ != nullptr) fmt::print(markdown_, "{}", head);
  for (const Case& c : cases(plan))
    report(c, device_seconds(queue_, c.device), host_seconds(host_, c.host));
  whole_tile(plan);
}

// Pixels up, everything computed, everything down: one tile at a time and several in flight.
void Bench::whole_tile(const SegmentPlan& plan) {
  const RgbView rgb{here_.rgb.data, edge_, edge_, 3 * edge_};
  const gpu::Pinned pinned(here_.rgb.data, static_cast<std::size_t>(3 * edge_ * edge_));
  for (const int in_flight : {1, 2, 4}) {
    gpu::BusyTime busy;
    std::vector<std::thread> threads;
    constexpr int kTiles = 24;
    std::atomic<int> next{0};
    std::atomic<std::size_t> cells{0};
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < in_flight; ++i)
      threads.emplace_back([&] {
        gpu::GpuBackend backend(memory_, busy, edge_, edge_, true);
        while (next++ < kTiles) {
          backend.begin(rgb);
          const std::size_t found = backend.find_cells(plan, {0, 0, edge_, edge_}).size();
          std::vector<std::int32_t> labels(found);
          for (std::size_t k = 0; k < found; ++k) labels[k] = static_cast<std::int32_t>(k + 1);
          backend.measure_cells(plan, labels, [](std::size_t, const CellMeasures&) {});
          backend.finish();
          cells += found;
        }
      });
    for (std::thread& thread : threads) thread.join();
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::string row = fmt::format(
        "\nWhole tiles, {} in flight: {:.2f} ms a tile, {:.2f} Gpx/s, GPU busy {:.0f} %, {} cells "
        "a "
        "tile.\n",
        in_flight, seconds / kTiles * 1e3,
        kTiles * static_cast<double>(edge_ * edge_) / seconds / 1e9, 100 * busy.seconds() / seconds,
        cells / kTiles);
    fmt::print("{}", row);
    if (markdown_ != nullptr) fmt::print(markdown_, "{}", row);
  }
}

}  // namespace
}  // namespace tilepool

int main(int argc, char** argv) {
  std::int64_t edge = 3000;
  std::FILE* markdown = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--pixels") edge = std::atoll(argv[i + 1]);
    if (std::string(argv[i]) == "--markdown") markdown = std::fopen(argv[i + 1], "w");
  }
  try {
    if (tilepool::list_gpus().empty()) {
      fmt::print(stderr, "there is no GPU\n");
      return 77;
    }
    tilepool::Bench(edge, markdown).run();
  } catch (const tilepool::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  if (markdown != nullptr) std::fclose(markdown);
  return 0;
}
