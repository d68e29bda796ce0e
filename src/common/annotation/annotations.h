#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/annotation/region.h"
#include "common/model/slide_info.h"

namespace tilepool {

/// What a file of annotations holds. docs/annotations.md has the rules of each format.
struct Annotations {
  std::string format;                 ///< "ImageScope XML", "ASAP XML", "HALO XML", "NDPA", ...
  std::vector<Region> regions;        ///< in the order of the file
  std::vector<std::string> warnings;  ///< what has no area or was left out, one line each
};

/// Bounds on what is read: a file of more bytes, regions or vertices is refused.
inline constexpr std::size_t kMaxAnnotationBytes = std::size_t{256} << 20;
inline constexpr std::size_t kMaxRegions = 2'000'000;
inline constexpr std::size_t kMaxVertices = 20'000'000;

/// Reads a file of annotations. Its format is told by what it holds, never by its name. `slide` is
/// what is known of the slide that it belongs to; NDPA files, whose positions count from the
/// slide's centre, cannot do without. Throws Error(kSlide) that names the file, what is wrong in it
/// and at which region, line or byte; Error(kNoInput) when there is no such file.
[[nodiscard]] Annotations read_annotations(const std::string& path,
                                           const std::optional<SlideInfo>& slide);

/// The same of a text; `name` is the file's in messages.
[[nodiscard]] Annotations parse_annotations(std::string_view text, const std::string& name,
                                            const std::optional<SlideInfo>& slide);

/// 16 hex digits over the bytes of the file. Throws as read_annotations does.
[[nodiscard]] std::string annotations_print(const std::string& path);

/// What reading a file of so many bytes takes of memory at most: 24 bytes for each were measured
/// (docs/decisions/0016-annotations.md).
[[nodiscard]] std::size_t annotations_bytes(std::size_t file_bytes);

/// Bytes of the file, as the file system has it. Throws as read_annotations does.
[[nodiscard]] std::size_t annotations_file_bytes(const std::string& path);

/// The groups, and the names that are none, which select a region; sorted, none twice, none empty.
[[nodiscard]] std::vector<std::string> region_names(const Annotations& annotations);

}  // namespace tilepool
