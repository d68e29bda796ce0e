#include "common/slide/openslide_source.h"
#include "common/slide/source.h"

namespace tilepool {

std::unique_ptr<SlideSource> open_slide(const std::string& path,
                                        std::optional<double> mpp_override) {
  return std::make_unique<OpenSlideSource>(path, mpp_override);
}

}  // namespace tilepool
