#pragma once

#include <hdf5.h>

namespace tilepool::h5 {

/// A file driver for files that one process writes. It differs from HDF5's own sec2 driver in two
/// things. Small writes that follow each other are written together, a megabyte at a time, and the
/// disk is told to begin at once. And the first failing write, truncation or close is remembered
/// and everything after it pretends to succeed. HDF5 1.10.8 ends in a segmentation fault when a
/// flush fails (measured: full disk, file size limit); behind this driver a full disk is an errno
/// that File::close() throws. The files are plain HDF5 files that every driver opens. No file locks
/// are taken: only files under private temporary names are written.
///
/// Sets the driver in a file access property list.
void use_writer_driver(hid_t file_access);

/// errno of the first failure of an open file that uses this driver, 0 when all went well.
[[nodiscard]] int writer_error(hid_t file);

/// errno of the last close or open in this driver, 0 when it went well.
[[nodiscard]] int last_close_error();
[[nodiscard]] int last_open_error();

}  // namespace tilepool::h5
