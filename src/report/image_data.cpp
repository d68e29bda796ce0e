#include "report/image_data.h"

#include <algorithm>
#include <array>
#include <memory>

#include <turbojpeg.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {

SmallImage shrink(ConstRgbView image, std::int64_t edge_px) {
  const std::int64_t longest = std::max({image.width, image.height, std::int64_t{1}});
  const std::int64_t to = std::min(edge_px, longest);
  SmallImage small;
  small.width = std::max<std::int64_t>(1, image.width * to / longest);
  small.height = std::max<std::int64_t>(1, image.height * to / longest);
  small.rgb.reserve(static_cast<std::size_t>(small.width * small.height * 3));
  for (std::int64_t y = 0; y < small.height; ++y) {
    const std::int64_t y0 = y * image.height / small.height;
    const std::int64_t y1 = std::max(y0 + 1, (y + 1) * image.height / small.height);
    for (std::int64_t x = 0; x < small.width; ++x) {
      const std::int64_t x0 = x * image.width / small.width;
      const std::int64_t x1 = std::max(x0 + 1, (x + 1) * image.width / small.width);
      std::array<std::int64_t, 3> sum{};
      for (std::int64_t v = y0; v < y1; ++v)
        for (const std::uint8_t* p = image.pixel(x0, v); p < image.row(v) + 3 * x1; p += 3)
          for (std::size_t c = 0; c < 3; ++c) sum[c] += p[c];
      const std::int64_t n = (y1 - y0) * (x1 - x0);
      for (const std::int64_t s : sum)
        small.rgb.push_back(static_cast<std::uint8_t>((s + n / 2) / n));
    }
  }
  return small;
}

std::vector<std::uint8_t> encode_jpeg(const SmallImage& image, int quality) {
  const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
  check(encoder != nullptr, ErrorCode::kInternal, "libturbojpeg: {}", tjGetErrorStr());
  const int width = checked_cast<int>(image.width);
  const int height = checked_cast<int>(image.height);
  std::vector<std::uint8_t> jpeg(tjBufSize(width, height, TJSAMP_420));
  unsigned char* out = jpeg.data();
  unsigned long size = jpeg.size();
  const int refused = tjCompress2(encoder.get(), image.rgb.data(), width, 0, height, TJPF_RGB, &out,
                                  &size, TJSAMP_420, quality, TJFLAG_NOREALLOC);
  check(refused == 0, ErrorCode::kInternal, "libturbojpeg: {}", tjGetErrorStr2(encoder.get()));
  jpeg.resize(size);
  return jpeg;
}

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < n ? std::uint32_t{bytes[i + k]} : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= n ? kDigits[group >> (18 - 6 * k) & 63u] : '=';
  }
  return text;
}

}  // namespace tilepool
