#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/hdf5/file.h"

namespace tilepool {

/// What h5py writes for Python's own types, where its readers take nothing else: texts of variable
/// length, and truth as an enumeration. Our own files hold neither. All throw Error(kHdf5).

/// A `str` attribute.
void set_python_text(const h5::Object& object, const std::string& name, std::string_view text);
/// A one-dimensional array of `str` as an attribute.
void set_python_texts(const h5::Object& object, const std::string& name,
                      std::span<const std::string> texts);
/// A `bool` attribute.
void set_python_bool(const h5::Object& object, const std::string& name, bool value);
/// A one-dimensional array of numbers as an attribute.
void set_python_array(const h5::Object& object, const std::string& name,
                      std::span<const std::int64_t> values);
void set_python_array(const h5::Object& object, const std::string& name,
                      std::span<const double> values);
/// A `str` as a scalar dataset.
h5::Dataset write_python_text(const h5::Location& parent, const std::string& name,
                              std::string_view text);

}  // namespace tilepool
