#include "common/hdf5/object.h"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool::h5 {
namespace {

Space scalar_space() { return {H5Screate(H5S_SCALAR), "cannot make an HDF5 space"}; }

Space list_space(std::size_t n) {
  const hsize_t size = n;
  return {H5Screate_simple(1, &size, nullptr), "cannot make an HDF5 space"};
}

Attribute open_attribute(const Object& object, const std::string& name) {
  check(object.has_attribute(name), ErrorCode::kHdf5, "{}: has no attribute \"{}\"", object.where(),
        name);
  return {H5Aopen(object.id(), name.c_str(), H5P_DEFAULT),
          fmt::format("{}: cannot open attribute \"{}\"", object.where(), name)};
}

/// Elements of the attribute: 1 for a scalar.
std::size_t count_of(const Attribute& attribute, const std::string& where) {
  const Space space(H5Aget_space(attribute.id()), where);
  const hssize_t count = H5Sget_simple_extent_npoints(space.id());
  if (count < 0) fail_hdf5(where);
  return static_cast<std::size_t>(count);
}

}  // namespace

Type text_type(std::size_t width) {
  Type type(H5Tcopy(H5T_C_S1), "cannot make an HDF5 string type");
  checked(H5Tset_size(type.id(), width), "cannot size an HDF5 string type");
  checked(H5Tset_strpad(type.id(), H5T_STR_NULLPAD), "cannot pad an HDF5 string type");
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "cannot make an HDF5 string type UTF-8");
  return type;
}

std::size_t text_width(std::span<const std::string> texts) {
  std::size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  return width;
}

std::string pad_texts(std::span<const std::string> texts, std::size_t width) {
  std::string bytes(checked_mul(texts.size(), width), '\0');
  for (std::size_t i = 0; i < texts.size(); ++i) {
    texts[i].copy(bytes.data() + i * width, width);
  }
  return bytes;
}

std::vector<std::string> unpad_texts(std::string_view bytes, std::size_t width) {
  std::vector<std::string> texts;
  texts.reserve(bytes.size() / width);
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const std::string_view padded = bytes.substr(at, width);
    texts.emplace_back(padded.substr(0, padded.find_last_not_of('\0') + 1));
  }
  return texts;
}

std::size_t fixed_text_width(hid_t type, const std::string& where) {
  check(H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0, ErrorCode::kHdf5,
        "{}: expected text of fixed length, found another type", where);
  return H5Tget_size(type);
}

bool Object::has_attribute(const std::string& name) const {
  const htri_t found = H5Aexists(id_, name.c_str());
  if (found < 0) fail_hdf5(fmt::format("{}: cannot look for attribute \"{}\"", where_, name));
  return found > 0;
}

std::vector<std::string> Object::attribute_names() const {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  checked(H5Aiterate2(id_, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names),
          where_ + ": cannot list attributes");
  return names;
}

Attribute Object::replace(const std::string& name, hid_t type, const Space& space) {
  const std::string what = fmt::format("{}: cannot make attribute \"{}\"", where_, name);
  if (has_attribute(name)) checked(H5Adelete(id_, name.c_str()), what);
  return {H5Acreate2(id_, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), what};
}

void Object::set_text(const std::string& name, std::string_view value) {
  const std::size_t width = std::max<std::size_t>(1, value.size());
  std::string bytes(value);
  bytes.resize(width, '\0');
  const Type type = text_type(width);
  Attribute attribute = replace(name, type.id(), scalar_space());
  const std::string what = fmt::format("{}: cannot write attribute \"{}\"", where_, name);
  checked(H5Awrite(attribute.id(), type.id(), bytes.data()), what);
  attribute.close(what);
}

void Object::set_texts(const std::string& name, std::span<const std::string> values) {
  const std::size_t width = text_width(values);
  const std::string bytes = pad_texts(values, width);
  const Type type = text_type(width);
  Attribute attribute = replace(name, type.id(), list_space(values.size()));
  const std::string what = fmt::format("{}: cannot write attribute \"{}\"", where_, name);
  if (!values.empty()) checked(H5Awrite(attribute.id(), type.id(), bytes.data()), what);
  attribute.close(what);
}

void Object::set_raw(const std::string& name, hid_t file_type, hid_t memory_type,
                     const void* value) {
  Attribute attribute = replace(name, file_type, scalar_space());
  const std::string what = fmt::format("{}: cannot write attribute \"{}\"", where_, name);
  checked(H5Awrite(attribute.id(), memory_type, value), what);
  attribute.close(what);
}

std::vector<std::string> Object::texts(const std::string& name) const {
  const Attribute attribute = open_attribute(*this, name);
  const std::string what = fmt::format("{}: attribute \"{}\"", where_, name);
  const Type type(H5Aget_type(attribute.id()), what);
  const std::size_t width = fixed_text_width(type.id(), what);
  std::string bytes(checked_mul(count_of(attribute, what), width), '\0');
  if (!bytes.empty()) checked(H5Aread(attribute.id(), type.id(), bytes.data()), what);
  return unpad_texts(bytes, width);
}

std::string Object::text(const std::string& name) const {
  std::vector<std::string> all = texts(name);
  check(all.size() == 1, ErrorCode::kHdf5, "{}: attribute \"{}\" holds {} texts, expected one",
        where_, name, all.size());
  return std::move(all.front());
}

void Object::get_raw(const std::string& name, hid_t memory_type, void* value) const {
  const Attribute attribute = open_attribute(*this, name);
  const std::string what = fmt::format("{}: attribute \"{}\"", where_, name);
  check(count_of(attribute, what) == 1, ErrorCode::kHdf5, "{} is not a single number", what);
  checked(H5Aread(attribute.id(), memory_type, value), what);
}

}  // namespace tilepool::h5
