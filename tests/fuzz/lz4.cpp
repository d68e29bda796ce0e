#include <cstring>

#include "common/hdf5/lz4_filter.h"
#include "fuzz.h"

using namespace tilepool;

namespace {

/// A buffer as HDF5 hands it to a filter.
struct FilterBuffer {
  explicit FilterBuffer(std::string_view bytes)
      : size(bytes.size()), data(H5allocate_memory(bytes.size() + 1, false)) {
    std::memcpy(data, bytes.data(), bytes.size());
  }
  ~FilterBuffer() { H5free_memory(data); }
  FilterBuffer(const FilterBuffer&) = delete;
  FilterBuffer& operator=(const FilterBuffer&) = delete;
  std::size_t run(unsigned flags, unsigned block) {
    return h5::lz4_filter(flags, 1, &block, size, &size, &data);
  }
  std::size_t size;
  void* data;
};

}  // namespace

// A compressed chunk of any content; and any content survives being compressed in blocks of the
// size that its first byte tells.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  FilterBuffer damaged(bytes);
  (void)damaged.run(H5Z_FLAG_REVERSE, 0);
  if (bytes.empty()) return 0;
  FilterBuffer buffer(bytes);
  buffer.size = buffer.run(0, data[0]);
  fuzz::require(buffer.size > 0, "anything can be compressed");
  fuzz::require(buffer.run(H5Z_FLAG_REVERSE, 0) == size, "and has its size again");
  fuzz::require(std::memcmp(buffer.data, data, size) == 0, "and its bytes");
  return 0;
}
