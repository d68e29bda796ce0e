#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"
#include "common/kernels/runs.h"
#include "cuda/kernels/bits.cuh"

namespace tilepool::gpu {

/// How the 32 pixels of a word are joined with their neighbours.
struct Links {
  std::uint32_t occupied = 0;
  std::uint32_t left = 0, up = 0, up_left = 0, up_right = 0;
  bool up_before = false;  ///< `up` of the pixel left of the word

  /// Where a run begins; runs are cut between words.
  [[nodiscard]] constexpr std::uint32_t starts() const { return occupied & ~(left & ~1U); }
  /// Leaves out upward links that say no more than those of the pixel next to it.
  __device__ void thin_out() {
    const std::uint32_t told = left & (up << 1 | (up_before ? 1U : 0U));
    up_left &= ~up & ~told;
    up_right &= ~up & ~((left & up) >> 1);
    up &= ~told;
  }
};

/// Of the ones of a mask.
struct MaskLinks {
  BitPlane occupied;
  bool eight = false;

  __device__ Links at(std::int64_t w, std::int64_t y) const {
    const std::uint32_t here = occupied.word(w, y);
    if (here == 0) return {};
    const std::uint32_t above = occupied.word(w, y - 1);
    const std::uint32_t before = occupied.word(w - 1, y) >> 31;
    const std::uint32_t above_before = occupied.word(w - 1, y - 1) >> 31;
    Links links;
    links.occupied = here;
    links.left = here & (here << 1 | before);
    links.up = here & above;
    links.up_before = (before & above_before) != 0;
    if (!eight) return links;
    links.up_left = here & (above << 1 | above_before);
    links.up_right = here & (above >> 1 | occupied.word(w + 1, y - 1) << 31);
    return links;
  }
};

/// Of equal labels.
struct LabelLinks {
  BitPlane occupied, left, up;
  BitPlane up_left, up_right;  ///< kEight only
  bool eight = false;

  __device__ Links at(std::int64_t w, std::int64_t y) const {
    Links links;
    links.occupied = occupied.word(w, y);
    if (links.occupied == 0) return {};
    links.left = left.word(w, y);
    links.up = up.word(w, y);
    links.up_before = (up.word(w - 1, y) >> 31) != 0;
    if (!eight) return links;
    links.up_left = up_left.word(w, y);
    links.up_right = up_right.word(w, y);
    return links;
  }
};

[[nodiscard]] std::size_t label_links_bytes(std::int64_t width, std::int64_t height);
/// The planes stay in the queue's scratch.
[[nodiscard]] LabelLinks take_label_links(Queue& queue, ImageView<const std::int32_t> labels,
                                          Connectivity connectivity);

}  // namespace tilepool::gpu
