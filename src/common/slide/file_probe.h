#pragma once

#include <cstdint>
#include <string>

namespace tilepool {

/// Throws Error(kSlide) with a one-line reason when `path` cannot be a slide whatever its format:
/// missing, a folder, no permission, zero bytes, a git-LFS pointer.
void check_slide_file(const std::string& path);

/// Why OpenSlide does not recognise `path` (a readable file), as far as the file itself tells:
/// a TIFF that ends before its directories do, or one in strips; else "".
[[nodiscard]] std::string why_not_recognised(const std::string& path);

/// The compression of a TIFF's first directory (TIFF 6.0, tag 259), 0 when the file is no TIFF.
[[nodiscard]] std::uint64_t first_tiff_compression(const std::string& path);

}  // namespace tilepool
