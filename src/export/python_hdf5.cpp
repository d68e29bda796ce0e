#include "export/python_hdf5.h"

#include <vector>

#include "common/hdf5/types.h"

namespace tilepool {
namespace {

h5::Type variable_text() {
  h5::Type type(H5Tcopy(H5T_C_S1), "cannot make an HDF5 string type");
  h5::checked(H5Tset_size(type.id(), H5T_VARIABLE), "cannot size an HDF5 string type");
  h5::checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "cannot make an HDF5 string type UTF-8");
  return type;
}

/// h5py's bool: int8 with the names FALSE and TRUE.
h5::Type python_bool() {
  h5::Type type(H5Tenum_create(H5T_STD_I8LE), "cannot make an HDF5 enumeration");
  const std::int8_t no = 0;
  const std::int8_t yes = 1;
  h5::checked(H5Tenum_insert(type.id(), "FALSE", &no), "cannot fill an HDF5 enumeration");
  h5::checked(H5Tenum_insert(type.id(), "TRUE", &yes), "cannot fill an HDF5 enumeration");
  return type;
}

h5::Space scalar_space() { return {H5Screate(H5S_SCALAR), "cannot make an HDF5 space"}; }

h5::Space list_space(std::size_t n) {
  const hsize_t size = n;
  return {H5Screate_simple(1, &size, nullptr), "cannot make an HDF5 space"};
}

void write_attribute(const h5::Object& object, const std::string& name, hid_t file_type,
                     hid_t memory_type, const h5::Space& space, const void* value) {
  const std::string what = object.where() + ": cannot write attribute \"" + name + '"';
  h5::Attribute attribute(
      H5Acreate2(object.id(), name.c_str(), file_type, space.id(), H5P_DEFAULT, H5P_DEFAULT), what);
  h5::checked(H5Awrite(attribute.id(), memory_type, value), what);
  attribute.close(what);
}

template <class T>
void write_array(const h5::Object& object, const std::string& name, std::span<const T> values) {
  write_attribute(object, name, h5::file_type<T>(), h5::memory_type<T>(), list_space(values.size()),
                  values.data());
}

}  // namespace

void set_python_text(const h5::Object& object, const std::string& name, std::string_view text) {
  const h5::Type type = variable_text();
  const std::string terminated(text);
  const char* const value = terminated.c_str();
  write_attribute(object, name, type.id(), type.id(), scalar_space(), &value);
}

void set_python_texts(const h5::Object& object, const std::string& name,
                      std::span<const std::string> texts) {
  const h5::Type type = variable_text();
  std::vector<const char*> values;
  values.reserve(texts.size());
  for (const std::string& text : texts) values.push_back(text.c_str());
  write_attribute(object, name, type.id(), type.id(), list_space(values.size()), values.data());
}

void set_python_bool(const h5::Object& object, const std::string& name, bool value) {
  const h5::Type type = python_bool();
  const std::int8_t number = value ? 1 : 0;
  write_attribute(object, name, type.id(), type.id(), scalar_space(), &number);
}

void set_python_array(const h5::Object& object, const std::string& name,
                      std::span<const std::int64_t> values) {
  write_array(object, name, values);
}

void set_python_array(const h5::Object& object, const std::string& name,
                      std::span<const double> values) {
  write_array(object, name, values);
}

h5::Dataset write_python_text(const h5::Location& parent, const std::string& name,
                              std::string_view text) {
  const std::string where = parent.child(name);
  const h5::Type type = variable_text();
  const h5::Space space = scalar_space();
  const h5::Plist creation(H5Pcreate(H5P_DATASET_CREATE), "cannot make an HDF5 creation list");
  h5::checked(H5Pset_obj_track_times(creation.id(), false), "cannot switch HDF5's time stamps off");
  h5::DatasetId dataset(H5Dcreate2(parent.id(), name.c_str(), type.id(), space.id(), H5P_DEFAULT,
                                   creation.id(), H5P_DEFAULT),
                        where + ": cannot make the dataset");
  const std::string terminated(text);
  const char* const value = terminated.c_str();
  h5::checked(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &value),
              where + ": cannot write");
  return {std::move(dataset), where};
}

}  // namespace tilepool
