#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace tilepool::h5 {

/// A whole chunk as Filter{kGzip, level} stores it: bytes of elements of more than one byte
/// shuffled, then deflated (zlib's format). Knows nothing of HDF5's state, so that any thread may
/// compress what one thread then writes with Dataset::write_chunk().
[[nodiscard]] std::vector<std::byte> gzip_chunk(std::span<const std::byte> raw,
                                                std::size_t element_bytes, int level);

}  // namespace tilepool::h5
