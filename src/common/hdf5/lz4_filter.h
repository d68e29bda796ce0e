#pragma once

#include <cstddef>
#include <cstdint>

#include <hdf5.h>

namespace tilepool::h5 {

/// The LZ4 filter's number in The HDF Group's registry of filters.
inline constexpr H5Z_filter_t kLz4FilterId = 32004;

/// Registers the filter in this process, in the block format of the public HDF5 LZ4 plugin (HDF
/// Group, H5Zlz4.c), so that hdf5plugin and the plugin itself read what we write:
///   u64 big-endian  bytes before compression
///   u32 big-endian  block size
///   per block: u32 big-endian n, then n bytes of one LZ4 block; n equal to the bytes that this
///   block holds (block size, or the rest in the last one) means that they are stored as they are
void register_lz4_filter();

/// The filter callback (H5Z_func_t), in the open for tests that feed it damaged input.
std::size_t lz4_filter(unsigned flags, std::size_t n_values, const unsigned values[],
                       std::size_t n_bytes, std::size_t* buffer_bytes, void** buffer);

}  // namespace tilepool::h5
