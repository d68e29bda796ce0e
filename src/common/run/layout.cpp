#include "common/run/layout.h"

#include <fmt/core.h>
#include <xxhash.h>

namespace tilepool {
namespace {

constexpr std::size_t kReadableBytes = 60;

/// What of a name a file name may show.
std::string readable_part(std::string_view name) {
  std::string stem;
  for (const char c : name.substr(0, kReadableBytes))
    stem += is_plain_in_stem(c) && (c != '.' || !stem.empty()) ? c : '_';
  return stem;
}

}  // namespace

bool is_plain_in_stem(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// The hash tells ids apart.
std::string slide_stem(std::string_view slide_id) {
  return fmt::format("{}-{:016x}", readable_part(slide_id),
                     XXH64(slide_id.data(), slide_id.size(), 0));
}

std::filesystem::path RunLayout::classified_file(std::string_view class_name) const {
  const std::string readable = readable_part(class_name);
  return classified_dir() / ((readable == class_name ? readable : slide_stem(class_name)) + ".h5");
}

std::filesystem::path RunLayout::patch_array(std::string_view slide_id) const {
  return patches_dir() / (slide_stem(slide_id) + ".npy");
}

std::filesystem::path RunLayout::patch_images(std::string_view slide_id) const {
  return patches_dir() / slide_stem(slide_id);
}

std::filesystem::path RunLayout::raw_patches(std::string_view slide_id) const {
  return patches_dir() / ".raw" / (slide_stem(slide_id) + ".npy");
}

std::filesystem::path RunLayout::scan_file(std::string_view slide_id) const {
  return scan_dir() / (slide_stem(slide_id) + ".h5");
}

std::filesystem::path RunLayout::scan_strip(std::string_view slide_id, std::uint64_t index) const {
  return scan_dir() / fmt::format("{}.strip-{:05}", slide_stem(slide_id), index);
}

std::filesystem::path RunLayout::slide_calibration(std::string_view slide_id) const {
  return scan_dir() / (slide_stem(slide_id) + ".calibration.json");
}

std::filesystem::path RunLayout::range_file(std::uint32_t generation, std::uint64_t first,
                                            std::uint64_t last) const {
  return ranges_dir() / fmt::format("{:03}-{:010}-{:010}.h5", generation, first, last);
}

}  // namespace tilepool
