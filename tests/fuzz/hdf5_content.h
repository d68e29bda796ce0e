#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/hdf5/file.h"
#include "fuzz.h"

namespace tilepool::fuzz {

/// Writes an HDF5 file whose library-level structure is sound and whose content is not what its
/// reader expects: for each object the input chooses to leave it out, to give it another type,
/// shape, layout or size, or to leave it as it should be (a zero byte), with values from the input.
class Hdf5Content {
 public:
  Hdf5Content(const std::filesystem::path& path, Input& input);

  template <h5::Element T>
  void attribute(const std::string& parent, const std::string& name, T right) {
    attribute(parent, name, h5::file_type<T>(), sizeof right, &right);
  }
  void text_attribute(const std::string& parent, const std::string& name, const std::string& right);
  void texts_attribute(const std::string& parent, const std::string& name,
                       const std::vector<std::string>& right);

  /// Numbers, each dimension's size given; their values come from the input.
  template <h5::Element T, class... More>
  void numbers(const std::string& path, std::uint64_t rows, More... more) {
    dataset(path, h5::file_type<T>(), {rows, static_cast<hsize_t>(more)...}, {});
  }
  /// The same with values that are right.
  template <h5::Element T>
  void right_numbers(const std::string& path, const std::vector<T>& values) {
    dataset(path, h5::file_type<T>(), {values.size()},
            {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
  }
  void texts(const std::string& path, std::uint64_t rows, std::size_t width);
  /// Closes and seals it.
  void close();

 private:
  void attribute(const std::string& parent, const std::string& name, hid_t type, std::size_t bytes,
                 const void* right);
  void dataset(const std::string& path, hid_t type, std::vector<hsize_t> dims,
               const std::string& right);
  void huge_dataset(const std::string& path, hid_t type, std::size_t n_dims);
  [[nodiscard]] std::vector<hsize_t> other_shape();
  h5::File file_;
  Input& input_;
};

}  // namespace tilepool::fuzz
