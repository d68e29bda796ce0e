#pragma once

#include <numeric>
#include <vector>

#include <cub/device/device_scan.cuh>

namespace cub {

struct DeviceRadixSort {
  /// Stable, ascending by the bits [begin_bit, end_bit) of the keys.
  template <class Key, class Value, class Count>
  static cudaError_t SortPairs(void* temporary, std::size_t& bytes, const Key* keys_in,
                               Key* keys_out, const Value* values_in, Value* values_out,
                               Count count, int begin_bit, int end_bit, cudaStream_t stream) {
    if (emulation::only_asks(temporary, bytes)) return cudaSuccess;
    return cuda_emulation::enqueue(stream, [=] {
      std::vector<std::size_t> order(static_cast<std::size_t>(count));
      std::iota(order.begin(), order.end(), std::size_t{0});
      const auto part = [=](Key key) {
        const Key cut = end_bit >= static_cast<int>(8 * sizeof(Key))
                            ? key
                            : static_cast<Key>(key & ((Key{1} << end_bit) - 1));
        return static_cast<Key>(cut >> begin_bit);
      };
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return part(keys_in[a]) < part(keys_in[b]);
      });
      const std::vector<Key> keys(keys_in, keys_in + count);
      const std::vector<Value> values(values_in, values_in + count);
      for (std::size_t i = 0; i < order.size(); ++i) {
        keys_out[i] = keys[order[i]];
        values_out[i] = values[order[i]];
      }
    });
  }
  template <class Key, class Count>
  static cudaError_t SortKeys(void* temporary, std::size_t& bytes, const Key* keys_in,
                              Key* keys_out, Count count, int begin_bit, int end_bit,
                              cudaStream_t stream) {
    return SortPairs(temporary, bytes, keys_in, keys_out, keys_in, keys_out, count, begin_bit,
                     end_bit, stream);
  }
};

}  // namespace cub
