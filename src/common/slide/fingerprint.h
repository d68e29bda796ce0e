#pragma once

#include <string>

namespace tilepool {

/// 16 hex digits (XXH3, 64 bit) that change when a slide file changes: over its size and its bytes,
/// whole up to 1 MiB, else 16 blocks of 64 KiB spread evenly from first to last, so that it costs
/// 1 MiB of reading on any file system. For MIRAX the names and sizes of the companion folder's
/// files are hashed too. Throws Error(kSlide) when the file cannot be read.
[[nodiscard]] std::string slide_fingerprint(const std::string& path);

}  // namespace tilepool
