#include "common/kernels/outline.h"
#include "cuda/kernels/region_shape.h"
#include "cuda/kernels/scan.cuh"

namespace tilepool::gpu {
namespace {

constexpr unsigned kShapeThreads = 128;
constexpr unsigned kHullThreads = 64;
// A warp looks at 32 columns of some rows. Those at the edges only help to tell what is a border.
constexpr int kColumns = 28;
constexpr unsigned kOwnLanes = 0x3FFFFFFCU;  // lanes 2..29
constexpr int kRows = 8;

/// What a row of a box reaches, 0 where it has no pixels of the label.
struct RowReach {
  std::int32_t right;  ///< 1 + the last column
  std::int32_t left;   ///< the box's width less the first column
};

__global__ void heights_kernel(const RegionBox* boxes, std::int64_t count, std::int64_t* heights) {
  const std::int64_t i = element();
  if (i < count) heights[i] = boxes[i].y_end - boxes[i].y_begin;
}

struct Window {
  ImageView<const std::int32_t> labels;  // of the box
  std::int32_t label;
  std::int64_t left;  // column of lane 0
};

/// The label's pixels of row y, one bit a lane.
__device__ unsigned row_bits(const Window& w, std::int64_t y) {
  const std::int64_t x = w.left + threadIdx.x % 32;
  const bool in = y >= 0 && y < w.labels.height && x >= 0 && x < w.labels.width;
  return __ballot_sync(0xFFFFFFFFU, in && w.labels.at(x, y) == w.label ? 1 : 0);
}

/// Border pixels of a row: those with one of the four neighbours outside. Not for lanes 0 and 31.
__device__ unsigned border_bits(unsigned above, unsigned row, unsigned below) {
  return row & ~((row << 1) & (row >> 1) & above & below);
}

/// Adds the pixel at this lane of the row `border`, if it is a border pixel.
__device__ void add_border(unsigned above, unsigned border, unsigned below, unsigned lane,
                           RegionShape& shape) {
  const unsigned up = above >> (lane - 1) & 7U;
  const unsigned row = border >> (lane - 1) & 7U;
  const unsigned down = below >> (lane - 1) & 7U;
  if ((row & 2U) == 0) return;
  const int beside = __popc(row & 5U) + __popc(up & 2U) + __popc(down & 2U);
  const int corner = __popc(up & 5U) + __popc(down & 5U);
  const BorderClass what = border_class(beside, corner);
  shape.straight += what == BorderClass::kStraight ? 1 : 0;
  shape.diagonal += what == BorderClass::kDiagonal ? 1 : 0;
  shape.mixed += what == BorderClass::kMixed ? 1 : 0;
}

/// Adds the rows [first, first + kRows) of the window's own columns; each lane has its own column.
__device__ void add_window(const Window& w, std::int64_t first, RowReach* reach,
                           RegionShape& shape) {
  const unsigned lane = threadIdx.x % 32;
  const bool own = (kOwnLanes >> lane & 1U) != 0;
  const std::int64_t last = min(first + kRows, w.labels.height);
  // Of the rows y - 2, y - 1 and y; of the rows y - 3 and y - 2.
  unsigned bits[3] = {};
  unsigned border[2] = {};
  std::int64_t n = 0;
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (std::int64_t y = first - 2; y < last + 2; ++y) {
    bits[0] = bits[1];
    bits[1] = bits[2];
    bits[2] = row_bits(w, y);
    // `last_border` belongs to row y - 1, whose row below is y.
    const unsigned last_border = border_bits(bits[0], bits[1], bits[2]);
    const std::int64_t row = y - 2;
    if (row >= first) {
      const unsigned pixels = bits[0] & kOwnLanes;
      if (own && (pixels >> lane & 1U) != 0) {
        ++n;
        sum += row;
        squares += row * row;
        add_border(border[0], border[1], last_border, lane, shape);
      }
      if (lane == 0 && pixels != 0) {
        const auto left = static_cast<std::int32_t>(w.left);
        const auto width = static_cast<std::int32_t>(w.labels.width);
        atomicMax(&reach[row].right, left + 32 - __clz(static_cast<int>(pixels)));
        atomicMax(&reach[row].left, width - (left + __ffs(static_cast<int>(pixels)) - 1));
      }
    }
    border[0] = border[1];
    border[1] = last_border;
  }
  const std::int64_t x = w.left + lane;
  shape.area += n;
  shape.x += n * x;
  shape.y += sum;
  shape.xx += n * x * x;
  shape.yy += squares;
  shape.xy += sum * x;
}

/// Adds `value` of all lanes to *to.
__device__ void add_of_warp(std::int64_t value, std::int64_t* to) {
  for (unsigned by = 16; by > 0; by /= 2) value += __shfl_down_sync(0xFFFFFFFFU, value, by);
  if (threadIdx.x % 32 == 0 && value != 0) {
    atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
  }
}

/// A block measures a region, but for its hull: that needs how far each row reaches.
__global__ void __launch_bounds__(kShapeThreads)
    shape_kernel(ImageView<const std::int32_t> labels, const std::int32_t* wanted,
                 const RegionBox* boxes, const std::int64_t* first_row, RowReach* reach,
                 RegionShape* shapes) {
  __shared__ RegionShape total;
  const RegionBox box = boxes[blockIdx.x];
  const std::int64_t width = box.x_end - box.x_begin;
  const std::int64_t height = box.y_end - box.y_begin;
  if (threadIdx.x == 0) {
    total = {};
    total.box_area = width * height;
  }
  __syncthreads();
  Window window{labels.window(box.x_begin, box.y_begin, width, height), wanted[blockIdx.x], 0};
  RegionShape shape;
  const std::int64_t across = (width + kColumns - 1) / kColumns;
  const std::int64_t windows = across * ((height + kRows - 1) / kRows);
  for (std::int64_t i = threadIdx.x / 32; i < windows; i += kShapeThreads / 32) {
    window.left = i % across * kColumns - 2;
    add_window(window, i / across * kRows, reach + first_row[blockIdx.x], shape);
  }
  add_of_warp(shape.area, &total.area);
  add_of_warp(shape.x, &total.x);
  add_of_warp(shape.y, &total.y);
  add_of_warp(shape.xx, &total.xx);
  add_of_warp(shape.yy, &total.yy);
  add_of_warp(shape.xy, &total.xy);
  add_of_warp(shape.straight, &total.straight);
  add_of_warp(shape.diagonal, &total.diagonal);
  add_of_warp(shape.mixed, &total.mixed);
  __syncthreads();
  if (threadIdx.x == 0) shapes[blockIdx.x] = total;
}

/// Adds the midpoints of pixel edges that reach furthest to one side; `reach(y)` is 1 + the last
/// column of row y as seen from that side, 0 if there is none, and `origin` is added to it. Row y
/// has the lines 2y + 1 to 2y + 3, like tilepool::measure_shape.
template <class Reach>
__device__ void build_chain(std::int64_t height, std::int64_t origin, Reach reach,
                            HullChain& chain) {
  std::int64_t above = 0;
  for (std::int64_t y = 0; y <= height; ++y) {
    const std::int64_t row = y < height ? reach(y) : 0;
    const std::int64_t furthest = max(above, row);
    if (furthest > 0) chain.add({2 * (origin + furthest), 2 * y + 1});
    if (row > 0) chain.add({2 * (origin + row) + 1, 2 * y + 2});
    above = row;
  }
}

/// A thread counts the pixels of a hull.
__global__ void hull_kernel(const RegionBox* boxes, std::int64_t count,
                            const std::int64_t* first_row, const RowReach* reach, HalfPoint* points,
                            RegionShape* shapes) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kHullThreads + threadIdx.x;
  if (i >= count) return;
  const std::int64_t width = boxes[i].x_end - boxes[i].x_begin;
  const std::int64_t height = boxes[i].y_end - boxes[i].y_begin;
  const RowReach* const rows = reach + first_row[i];
  HalfPoint* const own = points + 6 * first_row[i];
  HullChain right{own};
  HullChain left{own + 3 * height};
  build_chain(
      height, 0, [&](std::int64_t y) { return rows[y].right; }, right);
  // From the left the columns are those of the mirror image: column -x where it is x.
  build_chain(
      height, -1 - width, [&](std::int64_t y) { return rows[y].left; }, left);
  std::int64_t pixels = 0;
  for (std::int64_t y = 1; y <= height; ++y) {
    pixels += max(right.floor_x(2 * y) + left.floor_x(2 * y) + 1, std::int64_t{0});
  }
  shapes[i].hull_area = pixels;
}

}  // namespace

std::size_t measure_shape_scratch_bytes(std::size_t regions, std::int64_t rows) {
  const auto n = static_cast<std::size_t>(rows);
  return arena_bytes(regions * sizeof(std::int64_t)) + arena_bytes(n * sizeof(RowReach)) +
         arena_bytes(6 * n * sizeof(HalfPoint)) +
         exclusive_sum_scratch_bytes<std::int64_t>(static_cast<std::int64_t>(regions));
}

void measure_shape(Queue& queue, ImageView<const std::int32_t> labels, const Regions& regions,
                   std::int64_t rows, std::span<RegionShape> shapes) {
  const auto count = static_cast<std::int64_t>(regions.labels.size());
  if (count == 0) return;
  const ScratchScope scope(queue);
  Arena& scratch = queue.scratch();
  const RegionBox* const boxes = regions.boxes.data();
  std::int64_t* const first_row = scratch.take<std::int64_t>(regions.labels.size()).data();
  const auto reach = scratch.take<RowReach>(static_cast<std::size_t>(rows));
  const auto points = scratch.take<HalfPoint>(6 * reach.size());
  queue.clear(reach.data(), reach.size_bytes());
  launch_over(queue, "heights of boxes", heights_kernel, count, boxes, count, first_row);
  exclusive_sum(queue, first_row, count);
  launch(queue, "measure shapes", shape_kernel, dim3(static_cast<unsigned>(count)),
         dim3(kShapeThreads), labels, regions.labels.data(), boxes, first_row, reach.data(),
         shapes.data());
  launch(queue, "measure hulls", hull_kernel, dim3(blocks_for(count, kHullThreads)),
         dim3(kHullThreads), boxes, count, first_row, reach.data(), points.data(), shapes.data());
}

}  // namespace tilepool::gpu
