#include "common/hdf5/gzip_chunk.h"

#include <zlib.h>

#include "common/base/error.h"

namespace tilepool::h5 {
namespace {

/// First bytes of all elements, then second bytes, ... (HDF5's shuffle filter).
std::vector<std::byte> shuffled(std::span<const std::byte> raw, std::size_t element_bytes) {
  const std::size_t n = raw.size() / element_bytes;
  std::vector<std::byte> out(raw.size());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t b = 0; b < element_bytes; ++b) out[b * n + i] = raw[i * element_bytes + b];
  return out;
}

}  // namespace

std::vector<std::byte> gzip_chunk(std::span<const std::byte> raw, std::size_t element_bytes,
                                  int level) {
  check(element_bytes > 0 && raw.size() % element_bytes == 0, ErrorCode::kInternal,
        "a chunk of {} bytes has no whole elements of {}", raw.size(), element_bytes);
  std::vector<std::byte> by_byte;
  if (element_bytes > 1) raw = by_byte = shuffled(raw, element_bytes);
  uLongf bytes = compressBound(raw.size());
  std::vector<std::byte> out(bytes);
  const int result = compress2(reinterpret_cast<Bytef*>(out.data()), &bytes,
                               reinterpret_cast<const Bytef*>(raw.data()), raw.size(), level);
  check(result == Z_OK, ErrorCode::kInternal, "zlib cannot compress {} bytes: error {}", raw.size(),
        result);
  out.resize(bytes);
  return out;
}

}  // namespace tilepool::h5
