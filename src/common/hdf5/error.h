#pragma once

#include <string>
#include <string_view>

#include <hdf5.h>

namespace tilepool::h5 {

/// Makes the library ready for tilepool: its printing of errors to stderr is switched off and the
/// LZ4 filter is registered. Called by every function that opens something; calling it again does
/// nothing.
///
/// Threads: one thread per process calls HDF5, here and everywhere else; the library is not
/// thread-safe and nothing in this folder locks.
void initialise();

/// Throws Error with `what` and HDF5's error stack in one line: kIo when the stack tells an errno
/// (disk, permission, quota), else kHdf5 (damaged or not what was expected).
[[noreturn]] void fail_hdf5(std::string_view what);

/// `id` or `status` unless it is negative, which throws as fail_hdf5.
hid_t checked_id(hid_t id, std::string_view what);
void checked(herr_t status, std::string_view what);

/// Open files, datasets, groups, types and attributes of this process: 0 when all is closed.
[[nodiscard]] std::size_t open_objects();

}  // namespace tilepool::h5
