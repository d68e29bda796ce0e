#include "cuda/band_backend.h"

#include <algorithm>
#include <utility>

#include "cuda/find_nuclei.h"
#include "cuda/scratch_scope.h"

namespace tilepool::gpu {
namespace {

/// Rows [first, last) of an image without gaps between its rows.
template <class T>
std::span<T> rows_of(ImageView<T> image, std::int64_t first, std::int64_t last) {
  return {image.row(first), static_cast<std::size_t>((last - first) * image.width)};
}

}  // namespace

BandBackend::BandBackend(DeviceMemory& memory, BusyTime& busy, std::size_t device_bytes,
                         std::unique_ptr<Arena> scratch)
    : CpuBackend(*scratch),
      host_scratch_(std::move(scratch)),
      queue_(memory, device_bytes),
      busy_(busy) {}

std::size_t BandBackend::device_bytes(std::int64_t width, std::int64_t rows) {
  const auto pixels = static_cast<std::size_t>(width * rows);
  return arena_bytes(3 * pixels) + arena_bytes(2 * pixels) + arena_bytes(pixels) +
         find_nuclei_scratch_bytes(width, rows);
}

std::int64_t BandBackend::rows_that_fit(std::int64_t width, std::int64_t height) {
  std::int64_t fits = 0;
  std::int64_t too_many = height + 1;
  while (too_many - fits > 1) {
    const std::int64_t rows = (fits + too_many) / 2;
    (device_bytes(width, rows) <= queue_.scratch().capacity_bytes() ? fits : too_many) = rows;
  }
  return fits;
}

void BandBackend::find_nuclei(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                              Arena& scratch, ImageView<std::uint16_t> plane,
                              ImageView<std::uint8_t> mask) {
  const std::int64_t reach = find_nuclei_reach_px(plan);
  const std::int64_t rows = rows_that_fit(rgb.width, rgb.height);
  const std::int64_t own = rows >= rgb.height ? rgb.height : rows - 2 * reach;
  if (own < 1) return CpuBackend::find_nuclei(rgb, plan, inside, scratch, plane, mask);
  for (std::int64_t first = 0; first < rgb.height; first += own)
    find_band(rgb, plan, inside, first, std::min(first + own, rgb.height), plane, mask);
}

// What is wrong near a band's cut edges is not copied down.
void BandBackend::find_band(ConstRgbView rgb, const SegmentPlan& plan, const Rect& inside,
                            std::int64_t first, std::int64_t last, ImageView<std::uint16_t> plane,
                            ImageView<std::uint8_t> mask) {
  const std::int64_t reach = find_nuclei_reach_px(plan);
  const std::int64_t top = std::max<std::int64_t>(first - reach, 0);
  const std::int64_t bottom = std::min(last + reach, rgb.height);
  const std::int64_t inside_top = std::clamp(inside.y, top, bottom);
  const std::int64_t inside_bottom = std::clamp(inside.y + inside.h, top, bottom);
  const ScratchScope scope(queue_);
  const RgbView band = queue_.scratch().take_rgb(rgb.width, bottom - top);
  const auto band_plane = queue_.scratch().take_image<std::uint16_t>(rgb.width, bottom - top);
  const auto band_mask = queue_.scratch().take_image<std::uint8_t>(rgb.width, bottom - top);
  queue_.upload_rgb(rgb.window(0, top, rgb.width, bottom - top), band);
  queue_.begin_stretch();
  gpu::find_nuclei(queue_, band, plan,
                   {inside.x, inside_top - top, inside.w, inside_bottom - inside_top}, band_plane,
                   band_mask);
  queue_.end_stretch();
  queue_.download(std::span<const std::uint16_t>(rows_of(band_plane, first - top, last - top)),
                  rows_of(plane, first, last));
  queue_.download(std::span<const std::uint8_t>(rows_of(band_mask, first - top, last - top)),
                  rows_of(mask, first, last));
  queue_.wait();
  busy_.add(queue_.last_stretch());
}

}  // namespace tilepool::gpu
