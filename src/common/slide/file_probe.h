#pragma once

#include <cstdint>
#include <string>

namespace tilepool {

/// Throws Error(kSlide) with a one-line reason when `path` cannot be a slide whatever its format:
/// missing, a folder, no permission, zero bytes, a git-LFS pointer.
void check_slide_file(const std::string& path);

/// What a TIFF claims that cannot be true: a tag with more values than the file has bytes, tiles of
/// more than 2^28 px; else "". OpenSlide 3.4.1 allocates what a file claims, and ends the process
/// where it cannot. A classic TIFF of 4 GiB and more (NDPI) is not looked into.
[[nodiscard]] std::string why_impossible(const std::string& path);

/// Why OpenSlide does not recognise `path` (a readable file), as far as the file itself tells:
/// a TIFF that ends before its directories do, or one in strips; else "".
[[nodiscard]] std::string why_not_recognised(const std::string& path);

/// Whether a slide of that name is a part of several files (MIRAX, Hamamatsu VMS and VMU, DICOM),
/// so that its pixels are not, or not all, in it.
[[nodiscard]] bool has_companion_files(const std::string& path);

/// The compression of a TIFF's first directory (TIFF 6.0, tag 259), 0 when the file is no TIFF.
[[nodiscard]] std::uint64_t first_tiff_compression(const std::string& path);

}  // namespace tilepool
