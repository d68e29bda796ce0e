#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <mpi.h>

#include "common/hdf5/dataset.h"

namespace tilepool::h5 {

/// What lies below a file's root or a group. Paths are relative ("cells/x"); groups on the way are
/// made. In a parallel file everything that creates is COLLECTIVE, what opens is not.
class Location : public Object {
 public:
  [[nodiscard]] bool exists(const std::string& path) const;
  /// "file.h5:/cells/x": what `path` is called in messages.
  [[nodiscard]] std::string child(const std::string& path) const;
  /// Names of what lies directly in the group `path` ("" or "/": here), bytewise order.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;

  template <Element T>
  Dataset create_dataset(const std::string& path, const std::vector<std::uint64_t>& dims,
                         const Layout& layout = {}) {
    return make_dataset(path, file_type<T>(), dims, layout);
  }
  Dataset create_texts(const std::string& path, std::uint64_t rows, std::size_t width,
                       const Layout& layout = {});
  [[nodiscard]] Dataset open_dataset(const std::string& path) const;

  /// Whole one-dimensional columns at once. Independent; not for compressed parallel files.
  template <Element T>
  Dataset write_column(const std::string& path, std::span<const T> values,
                       const Layout& layout = {}) {
    Dataset dataset = create_dataset<T>(path, {values.size()}, layout);
    dataset.write(0, values);
    return dataset;
  }
  Dataset write_texts(const std::string& path, std::span<const std::string> texts);
  /// For columns that are known to be small.
  template <Element T>
  [[nodiscard]] std::vector<T> read_column(const std::string& path) const {
    const Dataset dataset = open_dataset(path);
    std::vector<T> values(dataset.rows() * dataset.row_size());
    dataset.read(0, std::span<T>(values));
    return values;
  }
  [[nodiscard]] std::vector<std::string> read_texts(const std::string& path) const;

 protected:
  using Object::Object;

 private:
  void create_parents(const std::string& path);
  Dataset make_dataset(const std::string& path, hid_t type, const std::vector<std::uint64_t>& dims,
                       const Layout& layout);
};

class Group : public Location {
 public:
  /// Makes the group (and those on the way) or opens it when it is there.
  static Group create(Location& parent, const std::string& path);
  static Group open(const Location& parent, const std::string& path);

 private:
  Group(GroupId group, std::string where);
  GroupId group_;
};

/// An open HDF5 file. Only one thread per process calls HDF5. Objects carry no time stamps, so
/// that equal content gives equal bytes; the format is that of HDF5 1.8, which every reader has.
class File : public Location {
 public:
  /// Makes (or truncates) a file that this process alone writes.
  static File create(const std::filesystem::path& path);
  /// Opens for reading, any number of processes.
  static File open(const std::filesystem::path& path);
  /// Opens for reading and writing by this process alone.
  static File open_to_write(const std::filesystem::path& path);
  /// COLLECTIVE over `comm`, which must outlive the file. Needs Open MPI's OMPIO component (the
  /// MPI runtime asks for it before MPI_Init): ROMIO of Open MPI 4 is not safe here.
  static File create_parallel(const std::filesystem::path& path, MPI_Comm comm);

  File(File&&) noexcept = default;
  File& operator=(File&&) = delete;
  /// Closes a serial file and drops its errors: on the success path call close(). A parallel file
  /// that was not closed is left open, since closing is collective and peers may be gone: the
  /// process must then end by _exit or MPI_Abort.
  ~File();

  /// Flushes, closes and throws Error(kIo) when anything written since creation did not reach the
  /// file. Close datasets and groups first. COLLECTIVE for a parallel file.
  void close();
  /// Throws Error(kIo) when a write failed so far; cheap. Serial files only.
  void check_written() const;

 private:
  enum class Mode { kRead, kWrite, kParallel };
  File(FileId file, std::string where, Mode mode);
  FileId file_;
  Mode mode_ = Mode::kRead;
};

}  // namespace tilepool::h5
