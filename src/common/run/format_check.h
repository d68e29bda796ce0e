#pragma once

#include <cstdint>
#include <string>

#include "common/hdf5/file.h"

namespace tilepool {

/// Every HDF5 file of a run tells at its root what it is: attributes format (text) and version
/// (u32). A reader takes its own version only.
void set_format(h5::File& file, const std::string& format, std::uint32_t version);
/// Throws Error(kHdf5) that names the file, what it is and what was expected.
void check_format(const h5::File& file, const std::string& format, std::uint32_t version);

}  // namespace tilepool
