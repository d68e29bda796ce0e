#include "bench/jpeg_tiles.h"

#include <algorithm>
#include <memory>
#include <set>

#include <turbojpeg.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/slide/input_file.h"
#include "common/slide/region.h"

namespace tilepool {
namespace {

/// Bytes of the stream of a tile of `bytes`: with the tables that all share.
std::size_t stream_bytes(const TiffLevel& level, std::size_t bytes) {
  return bytes + (level.kind.tables.empty() ? 0 : level.kind.tables.size() - 4);
}

/// Fills `stream` with the tile; shared tables go between its first marker and the rest.
void load(const InputFile& file, const TiffLevel& level, std::size_t tile,
          std::span<std::uint8_t> stream) {
  const std::size_t extra = stream.size() - level.bytes[tile];
  file.read(level.offsets[tile], stream.subspan(extra));
  if (extra == 0) return;
  std::copy_n(stream.data() + extra, 2, stream.data());
  std::copy(level.kind.tables.begin() + 2, level.kind.tables.end() - 2, stream.data() + 2);
}

}  // namespace

std::vector<std::int64_t> touched_tiles(const TiffLevel& level, const std::vector<Rect>& windows) {
  std::set<std::int64_t> touched;
  for (const Rect& window : windows) {
    const Rect inside = clip(window, level.width, level.height);
    if (inside.w == 0 || inside.h == 0) continue;
    const std::int64_t right = (inside.x + inside.w - 1) / level.kind.width;
    const std::int64_t bottom = (inside.y + inside.h - 1) / level.kind.height;
    for (std::int64_t row = inside.y / level.kind.height; row <= bottom; ++row)
      for (std::int64_t column = inside.x / level.kind.width; column <= right; ++column)
        touched.insert(level.tile(column, row));
  }
  return {touched.begin(), touched.end()};
}

JpegTiles::JpegTiles(const std::string& path, const TiffLevel& level,
                     const std::vector<Rect>& windows, std::size_t most_bytes, Budget& budget)
    : width_(level.kind.width), height_(level.kind.height) {
  std::vector<std::size_t> tiles;
  std::size_t total = 0;
  for (const std::int64_t tile : touched_tiles(level, windows)) {
    const auto index = static_cast<std::size_t>(tile);
    if (level.bytes[index] < 2) continue;
    const std::size_t bytes = stream_bytes(level, level.bytes[index]);
    if (bytes > most_bytes - total) break;
    total += bytes;
    tiles.push_back(index);
  }
  check(!tiles.empty(), ErrorCode::kSlide, "its tiles have no data there");
  bytes_ = Buffer<std::uint8_t>(budget, total, "the JPEG tiles");
  const InputFile file(path);
  std::size_t at = 0;
  for (const std::size_t tile : tiles) {
    const std::span<std::uint8_t> stream =
        bytes_.span().subspan(at, stream_bytes(level, level.bytes[tile]));
    load(file, level, tile, stream);
    streams_.push_back(stream);
    at += stream.size();
  }
}

double JpegTiles::mean_bytes() const {
  return static_cast<double>(bytes_.size()) / static_cast<double>(streams_.size());
}

double JpegTiles::decode_rate(int threads, double seconds, const StopAsked& stop,
                              Budget& budget) const {
  const auto rgb_bytes = checked_cast<std::size_t>(3 * tile_px());
  return pixels_per_second(streams_.size(), threads, seconds, stop, [&]() -> PixelWork {
    const std::shared_ptr<void> decoder(tjInitDecompress(), tjDestroy);
    const auto rgb = std::make_shared<Buffer<std::uint8_t>>(budget, rgb_bytes, "a decoded tile");
    return [this, decoder, rgb](std::size_t i) {
      const auto& jpeg = streams_[i];
      const int status =
          tjDecompress2(decoder.get(), jpeg.data(), jpeg.size(), rgb->data(),
                        static_cast<int>(width_), 0, static_cast<int>(height_), TJPF_RGB, 0);
      check(status == 0, ErrorCode::kSlide, "libjpeg-turbo: {}", tjGetErrorStr2(decoder.get()));
      return static_cast<double>(tile_px());
    };
  });
}

}  // namespace tilepool
