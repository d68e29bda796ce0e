#include "cuda/kernels/counting.cuh"
#include "cuda/kernels/histogram.h"

namespace tilepool::gpu {

void add_histogram(Queue& queue, ImageView<const std::uint16_t> plane, int shift,
                   std::span<std::uint64_t> bins) {
  count_values(queue, "add_histogram", plane, shift, bins);
}

}  // namespace tilepool::gpu
