#include "report/image_data.h"

#include <memory>

#include <turbojpeg.h>
#include <webp/encode.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {

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

std::string encode_lossless_webp(const std::vector<std::uint8_t>& rgba, std::int64_t width,
                                 std::int64_t height) {
  std::uint8_t* bytes = nullptr;
  const std::size_t size =
      WebPEncodeLosslessRGBA(rgba.data(), checked_cast<int>(width), checked_cast<int>(height),
                             checked_cast<int>(4 * width), &bytes);
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(bytes, WebPFree);
  check(size > 0, ErrorCode::kInternal, "libwebp cannot encode {} x {} px", width, height);
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace tilepool
