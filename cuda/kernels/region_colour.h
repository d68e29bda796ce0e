#pragma once

#include <cstdint>
#include <span>

#include "common/base/image_view.h"
#include "common/kernels/region_colour.h"
#include "cuda/kernels/regions.h"
#include "cuda/queue.h"

namespace tilepool::gpu {

/// Twin of tilepool::measure_colour for a list of labels: bit-equal. sums[i] is that of entry i.
/// The tables lie on the device.
void measure_colour(Queue& queue, ConstRgbView rgb, ImageView<const std::int32_t> labels,
                    const Regions& regions, const UnmixTable* stain1, const UnmixTable* stain2,
                    int dark_limit, std::span<ColourSums<kAllChannels>> sums);

/// Twin of tilepool::measure_colour of a whole image: bit-equal. *sums lies on the device.
void measure_colour(Queue& queue, ConstRgbView rgb, ColourSums<kPlainChannels>* sums);

}  // namespace tilepool::gpu
