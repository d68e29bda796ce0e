#include "cuda/kernels/links.cuh"

namespace tilepool::gpu {
namespace {

constexpr int kStripRows = 8;  ///< that a warp goes down a column of words

/// A pixel and its neighbours to the left and to the right; 0 outside.
struct Three {
  std::int32_t left = 0, self = 0, right = 0;
};

__device__ Three three_at(ImageView<const std::int32_t> labels, std::int64_t x, std::int64_t y) {
  const std::int64_t last = labels.width - 1;
  const bool in_rows = y >= 0 && y < labels.height;
  const std::int32_t* const row = labels.row(in_rows ? y : 0);
  // Loads without a branch, of the nearest pixel inside.
  const std::int32_t left = row[max(min(x - 1, last), std::int64_t{})];
  const std::int32_t self = row[min(x, last)];
  const std::int32_t right = row[min(x + 1, last)];
  return {in_rows && x > 0 ? left : 0, in_rows && x <= last ? self : 0,
          in_rows && x < last ? right : 0};
}

__device__ std::uint32_t vote(bool yes) { return __ballot_sync(0xFFFFFFFFU, yes ? 1 : 0); }

__global__ void label_links_kernel(ImageView<const std::int32_t> labels, LabelLinks links) {
  const auto lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t across = links.occupied.row_words();
  const std::int64_t strip = element() / 32;
  const std::int64_t first = strip / across * kStripRows;
  const std::int64_t w = strip % across;
  const std::int64_t x = 32 * w + lane;
  // All is loaded before the first vote, so that the loads are under way together.
  Three rows[kStripRows + 1];
  for (int k = 0; k <= kStripRows; ++k) rows[k] = three_at(labels, x, first + k - 1);
  for (int k = 0; k < kStripRows; ++k) {
    const std::int64_t y = first + k;
    const Three& above = rows[k];
    const Three& here = rows[k + 1];
    const std::int32_t label = here.self;
    const bool any = label != 0;
    const std::uint32_t occupied = vote(any);
    const std::uint32_t left = vote(any && label == here.left);
    const std::uint32_t up = vote(any && label == above.self);
    std::uint32_t up_left = 0, up_right = 0;
    if (links.eight) {
      up_left = vote(any && label == above.left);
      up_right = vote(any && label == above.right);
    }
    if (lane != 0 || y >= labels.height) continue;
    const std::int64_t at = y * across + w;
    links.occupied.words[at] = occupied;
    links.left.words[at] = left;
    links.up.words[at] = up;
    if (!links.eight) continue;
    links.up_left.words[at] = up_left;
    links.up_right.words[at] = up_right;
  }
}

}  // namespace

std::size_t label_links_bytes(std::int64_t width, std::int64_t height) {
  return 5 * bits_bytes(width, height);
}

LabelLinks take_label_links(Queue& queue, ImageView<const std::int32_t> labels,
                            Connectivity connectivity) {
  const auto plane = [&] { return take_bits(queue, labels.width, labels.height); };
  LabelLinks links{plane(), plane(), plane(), {}, {}, connectivity == Connectivity::kEight};
  if (links.eight) {
    links.up_left = plane();
    links.up_right = plane();
  }
  const std::int64_t strips =
      links.occupied.row_words() * ((labels.height + kStripRows - 1) / kStripRows);
  launch_over(queue, "label_links", label_links_kernel, 32 * strips, labels, links);
  return links;
}

}  // namespace tilepool::gpu
