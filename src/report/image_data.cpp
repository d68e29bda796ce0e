#include "report/image_data.h"

#include <memory>

#include <turbojpeg.h>

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

}  // namespace tilepool
