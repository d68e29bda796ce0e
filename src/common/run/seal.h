#pragma once

#include <filesystem>
#include <string_view>

#include "common/hdf5/file.h"

namespace tilepool {

/// The end of every HDF5 file of a run directory but results.h5: 24 bytes behind what HDF5 wrote,
///   "TPSEAL01", the number of bytes before the seal, their XXH3-64 (seed 0); both u64
///   little-endian
/// HDF5, and every reader built on it, passes over what lies behind the end that a file's
/// superblock tells. HDF5 1.10 reads beyond its buffers in a file that is damaged in the wrong
/// place (docs/reliability-fuzzing.md): so no damaged file is given to it.

/// Appends the seal to a closed file. Error(kIo).
void seal(const std::filesystem::path& file);

/// Reads the file once. Throws Error(kHdf5) when it is not what was sealed, Error(kIo) when it
/// cannot be read. `remedy` ends the message about damage: what the person can do.
void check_seal(const std::filesystem::path& file, std::string_view remedy = {});

/// check_seal(), then opens for reading.
[[nodiscard]] h5::File open_sealed(const std::filesystem::path& file, std::string_view remedy = {});

}  // namespace tilepool
