#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "common/annotation/region.h"
#include "common/model/options.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// Writes the regions of a slide as an image of its size: BigTIFF, 8 bits a pixel, 0 where there is
/// none, else the value of the class; tiles of 512 px (less where the image is), deflated; levels
/// of half the size down to less than 1024 px. A pixel of any level has the class at its centre.
/// Resolution tags say the slide's mpp; the image description is JSON that names the values.
///
/// Painted tile by tile: memory does not grow with the slide. Committed at the end: an error or
/// `stop_asked` (Error(kStopped)) leaves nothing. Throws Error(kIo).
void write_label_tiff(const std::filesystem::path& file, const SlideInfo& slide,
                      const std::vector<Region>& regions,
                      const std::vector<AnnotationClass>& classes,
                      const std::function<bool()>& stop_asked);

}  // namespace tilepool
