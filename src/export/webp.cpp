#include "export/webp.h"

#include <webp/encode.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

/// Of 0 (fast) to 6 (small), WebPConfig's documentation; 2 takes half the time of the default 4 for
/// 2 to 6 % more bytes on crops of stained tissue (docs/performance.md).
constexpr int kMethod = 2;

class Picture {
 public:
  Picture(ConstRgbView image, std::string& bytes) {
    check(WebPPictureInit(&picture_) != 0, ErrorCode::kInternal, "libwebp is of another version");
    picture_.width = checked_cast<int>(image.width);
    picture_.height = checked_cast<int>(image.height);
    picture_.custom_ptr = &bytes;
    picture_.writer = [](const std::uint8_t* data, std::size_t size, const WebPPicture* picture) {
      static_cast<std::string*>(picture->custom_ptr)
          ->append(reinterpret_cast<const char*>(data), size);
      return 1;
    };
    check(WebPPictureImportRGB(&picture_, image.data, checked_cast<int>(image.stride)) != 0,
          ErrorCode::kInternal, "libwebp has no memory for {} x {} px", image.width, image.height);
  }
  ~Picture() { WebPPictureFree(&picture_); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;
  WebPPicture* get() { return &picture_; }

 private:
  WebPPicture picture_{};
};

}  // namespace

std::string encode_webp(ConstRgbView image, float quality) {
  WebPConfig config{};
  check(WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, quality) != 0, ErrorCode::kInternal,
        "libwebp is of another version, or {} is no quality", quality);
  config.method = kMethod;
  std::string bytes;
  Picture picture(image, bytes);
  check(WebPEncode(&config, picture.get()) != 0, ErrorCode::kInternal,
        "libwebp cannot encode {} x {} px: error {}", image.width, image.height,
        static_cast<int>(picture.get()->error_code));
  return bytes;
}

}  // namespace tilepool
