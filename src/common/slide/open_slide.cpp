#include <filesystem>
#include <utility>

#include "common/base/error.h"
#include "common/slide/direct_source.h"
#include "common/slide/openslide_source.h"
#include "common/slide/source.h"

namespace tilepool {

std::unique_ptr<SlideSource> open_slide(const std::string& path, std::optional<double> mpp_override,
                                        Reader reader) {
  auto openslide = std::make_unique<OpenSlideSource>(path, mpp_override);
  if (reader == Reader::kOpenSlide) return openslide;
  std::vector<TiffLevel> levels;
  try {
    levels = index_tiff(path, openslide->info());
  } catch (const Error& error) {
    check(reader != Reader::kDirect, ErrorCode::kSlide,
          "{}: /workers/reader is direct, but {}; write \"auto\"",
          std::filesystem::path(path).filename().string(), error.what());
    openslide->say_why(error.what());
    return openslide;
  }
  return std::make_unique<DirectSource>(path, std::move(levels), std::move(openslide));
}

}  // namespace tilepool
