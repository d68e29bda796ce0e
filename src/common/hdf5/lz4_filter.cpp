#include "common/hdf5/lz4_filter.h"

#include <algorithm>
#include <cstring>

#include <lz4.h>

#include "common/hdf5/error.h"

namespace tilepool::h5 {
namespace {

constexpr std::uint64_t kDefaultBlock = std::uint64_t{1} << 30;
constexpr std::size_t kHeaderBytes = 12;

void put_big_endian(std::uint64_t value, int n_bytes, char* out) {
  for (int i = 0; i < n_bytes; ++i) {
    out[i] = static_cast<char>(value >> (8 * (n_bytes - 1 - i)) & 0xff);
  }
}

std::uint64_t get_big_endian(const char* in, int n_bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < n_bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  return value;
}

/// Memory that HDF5 may free; given back here unless it was handed over.
class FilterMemory {
 public:
  explicit FilterMemory(std::size_t bytes)
      : data_(static_cast<char*>(H5allocate_memory(std::max<std::size_t>(bytes, 1), false))) {}
  ~FilterMemory() {
    if (data_ != nullptr) H5free_memory(data_);
  }
  FilterMemory(const FilterMemory&) = delete;
  FilterMemory& operator=(const FilterMemory&) = delete;
  [[nodiscard]] char* data() const { return data_; }
  /// Puts this memory in place of HDF5's buffer.
  void hand_over(std::size_t bytes, std::size_t* buffer_bytes, void** buffer) {
    H5free_memory(*buffer);
    *buffer = data_;
    *buffer_bytes = bytes;
    data_ = nullptr;
  }

 private:
  char* data_;
};

/// The bytes in use of the new buffer, 0 on failure (HDF5's convention for filters).
std::size_t compress(std::uint64_t block, std::size_t n_bytes, std::size_t* buffer_bytes,
                     void** buffer) {
  block = std::clamp<std::uint64_t>(n_bytes, 1, block);
  const std::size_t n_blocks = (n_bytes + block - 1) / block;
  const auto bound = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(block)));
  const std::size_t capacity = kHeaderBytes + n_blocks * (bound + 4);
  FilterMemory memory(capacity);
  if (memory.data() == nullptr) return 0;
  const char* in = static_cast<const char*>(*buffer);
  char* out = memory.data();
  put_big_endian(n_bytes, 8, out);
  put_big_endian(block, 4, out + 8);
  out += kHeaderBytes;
  for (std::size_t done = 0; done < n_bytes; done += block) {
    const auto size = static_cast<int>(std::min<std::uint64_t>(block, n_bytes - done));
    int packed = LZ4_compress_default(in + done, out + 4, size, static_cast<int>(bound));
    if (packed <= 0) return 0;
    if (packed >= size) {
      std::memcpy(out + 4, in + done, static_cast<std::size_t>(size));
      packed = size;
    }
    put_big_endian(static_cast<std::uint64_t>(packed), 4, out);
    out += 4 + packed;
  }
  const auto used = static_cast<std::size_t>(out - memory.data());
  memory.hand_over(capacity, buffer_bytes, buffer);
  return used;
}

/// One block; false when the input is damaged.
bool decompress_block(const char*& in, const char* end, char* out, std::size_t size) {
  if (end - in < 4) return false;
  const std::uint64_t packed = get_big_endian(in, 4);
  in += 4;
  if (packed > static_cast<std::uint64_t>(end - in)) return false;
  if (packed == size) {
    std::memcpy(out, in, size);
  } else if (packed > static_cast<std::uint64_t>(LZ4_MAX_INPUT_SIZE) ||
             LZ4_decompress_safe(in, out, static_cast<int>(packed), static_cast<int>(size)) !=
                 static_cast<int>(size)) {
    return false;
  }
  in += packed;
  return true;
}

std::size_t decompress(std::size_t n_bytes, std::size_t* buffer_bytes, void** buffer) {
  if (n_bytes < kHeaderBytes) return 0;
  const char* in = static_cast<const char*>(*buffer);
  const char* end = in + n_bytes;
  const std::uint64_t total = get_big_endian(in, 8);
  const std::uint64_t block = get_big_endian(in + 8, 4);
  in += kHeaderBytes;
  // LZ4 cannot expand by more than 255: a larger claim is damage, not a reason to allocate.
  if (total > (n_bytes + 1) * 255 || (total > 0 && block == 0)) return 0;
  if (block > static_cast<std::uint64_t>(LZ4_MAX_INPUT_SIZE)) return 0;
  FilterMemory memory(total);
  if (memory.data() == nullptr) return 0;
  for (std::uint64_t done = 0; done < total; done += block) {
    const auto size = static_cast<std::size_t>(std::min(block, total - done));
    if (!decompress_block(in, end, memory.data() + done, size)) return 0;
  }
  memory.hand_over(total, buffer_bytes, buffer);
  return total;
}

}  // namespace

std::size_t lz4_filter(unsigned flags, std::size_t n_values, const unsigned values[],
                       std::size_t n_bytes, std::size_t* buffer_bytes, void** buffer) {
  if ((flags & H5Z_FLAG_REVERSE) != 0) return decompress(n_bytes, buffer_bytes, buffer);
  const std::uint64_t block = n_values > 0 && values[0] > 0 ? values[0] : kDefaultBlock;
  return compress(std::min(block, kDefaultBlock), n_bytes, buffer_bytes, buffer);
}

void register_lz4_filter() {
  static const H5Z_class2_t kClass = {H5Z_CLASS_T_VERS,  kLz4FilterId, 1,       1,
                                      "HDF5 lz4 filter", nullptr,      nullptr, &lz4_filter};
  checked(H5Zregister(&kClass), "cannot register the LZ4 filter");
}

}  // namespace tilepool::h5
