#include "hdf5_content.h"

#include "common/run/seal.h"

namespace tilepool::fuzz {
namespace {

/// Any other number: none.
enum Damage : std::uint8_t {
  kLeftOut = 1,
  kOtherType,
  kOtherShape,
  kHuge,    ///< chunks that were never written
  kNoData,  ///< a null dataspace
  kNotIt,   ///< a group, or a link that leads nowhere or to itself
  kOtherValues,
};

/// A type that no reader expects here, or perhaps the right one.
h5::Type other_type(Input& input) {
  const std::uint8_t which = input.byte();
  const std::size_t width = input.byte() + std::size_t{1};
  switch (which % 8) {
    case 0:
      return {H5Tcopy(H5T_IEEE_F64LE), "type"};
    case 1:
      return {H5Tcopy(H5T_STD_I64BE), "type"};
    case 2:
      return {H5Tcopy(H5T_STD_U8LE), "type"};
    case 3:
      return h5::text_type(width);
    case 4: {
      h5::Type text(H5Tcopy(H5T_C_S1), "type");
      h5::checked(H5Tset_size(text.id(), H5T_VARIABLE), "type");
      return text;
    }
    case 5:
      return {H5Tcreate(H5T_OPAQUE, width), "type"};
    case 6: {
      h5::Type pair(H5Tcreate(H5T_COMPOUND, 16), "type");
      h5::checked(H5Tinsert(pair.id(), "x", 0, H5T_STD_U64LE), "type");
      return pair;
    }
    default:
      return {H5Tvlen_create(H5T_STD_U8LE), "type"};
  }
}

bool owns_heap(hid_t type) {
  return H5Tdetect_class(type, H5T_VLEN) > 0 || H5Tis_variable_str(type) > 0;
}

std::uint64_t count(const std::vector<hsize_t>& dims) {
  std::uint64_t all = 1;
  for (const hsize_t size : dims) all *= size;
  return all;
}

h5::Space space_of(const std::vector<hsize_t>& dims) {
  if (dims.empty()) return {H5Screate(H5S_SCALAR), "space"};
  return {H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), "space"};
}

std::string values_of(Input& input, std::size_t bytes) {
  std::string values(bytes, '\0');
  input.copy_to(values.data(), bytes);
  return values;
}

/// What belongs there, cut or padded with zeros to `bytes`; where `damage` says so, or nothing
/// belongs there, values of the input.
std::string values_for(Input& input, std::size_t bytes, const std::string& right, Damage damage) {
  if (right.empty() || damage == kOtherValues) return values_of(input, bytes);
  std::string values = right;
  values.resize(bytes);
  return values;
}

}  // namespace

Hdf5Content::Hdf5Content(const std::filesystem::path& path, Input& input)
    : file_(h5::File::create(path)), input_(input) {}

std::vector<hsize_t> Hdf5Content::other_shape() {
  std::vector<hsize_t> dims(input_.byte() % 4);
  for (hsize_t& size : dims) size = input_.byte() % 8;
  return dims;
}

void Hdf5Content::attribute(const std::string& parent, const std::string& name, hid_t type,
                            std::size_t bytes, const void* right) {
  const Damage damage{input_.byte()};
  if (damage == kLeftOut) return;
  h5::Type actual(H5Tcopy(type), "type");
  if (damage == kOtherType) actual = other_type(input_);
  std::vector<hsize_t> dims;
  const std::size_t width = H5Tget_size(actual.id());
  if (bytes != H5Tget_size(type)) dims = {bytes / H5Tget_size(type)};
  if (damage == kOtherShape) dims = other_shape();
  h5::Space space = space_of(dims);
  if (damage == kNoData) space = {H5Screate(H5S_NULL), "space"};
  if (!parent.empty()) (void)h5::Group::create(file_, parent);
  const h5::Attribute attribute(
      H5Acreate_by_name(file_.id(), ("/" + parent).c_str(), name.c_str(), actual.id(), space.id(),
                        H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
      name);
  if (damage != kNoData && !owns_heap(actual.id())) {
    const std::string values =
        values_for(input_, count(dims) * width, {static_cast<const char*>(right), bytes}, damage);
    if (!values.empty()) h5::checked(H5Awrite(attribute.id(), actual.id(), values.data()), name);
  }
}

void Hdf5Content::text_attribute(const std::string& parent, const std::string& name,
                                 const std::string& right) {
  const h5::Type type = h5::text_type(std::max<std::size_t>(1, right.size()));
  const std::string padded = h5::pad_texts({&right, 1}, std::max<std::size_t>(1, right.size()));
  attribute(parent, name, type.id(), padded.size(), padded.data());
}

void Hdf5Content::texts_attribute(const std::string& parent, const std::string& name,
                                  const std::vector<std::string>& right) {
  const std::size_t width = h5::text_width(right);
  const h5::Type type = h5::text_type(width);
  const std::string padded = h5::pad_texts(right, width);
  attribute(parent, name, type.id(), padded.size(), padded.data());
}

void Hdf5Content::texts(const std::string& path, std::uint64_t rows, std::size_t width) {
  const h5::Type type = h5::text_type(width);
  dataset(path, type.id(), {rows}, {});
}

// Never written, and of any size.
void Hdf5Content::huge_dataset(const std::string& path, hid_t type, std::size_t n_dims) {
  constexpr hsize_t kEdge = 8;
  std::vector<hsize_t> dims(n_dims);
  for (hsize_t& size : dims) size = kEdge << (input_.byte() % 59);
  const std::vector<hsize_t> chunk(n_dims, kEdge);
  const h5::Plist list(H5Pcreate(H5P_DATASET_CREATE), "list");
  h5::checked(H5Pset_chunk(list.id(), static_cast<int>(n_dims), chunk.data()), "chunks");
  const h5::Space space = space_of(dims);
  const h5::DatasetId dataset(
      H5Dcreate2(file_.id(), path.c_str(), type, space.id(), H5P_DEFAULT, list.id(), H5P_DEFAULT),
      path);
}

void Hdf5Content::dataset(const std::string& path, hid_t type, std::vector<hsize_t> dims,
                          const std::string& right) {
  const Damage damage{input_.byte()};
  if (damage == kLeftOut) return;
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos) (void)h5::Group::create(file_, path.substr(0, slash));
  if (damage == kNotIt) {
    const std::string target = input_.byte() % 2 == 0 ? "/" + path : "/slides";
    h5::checked(H5Lcreate_soft(target.c_str(), file_.id(), path.c_str(), H5P_DEFAULT, H5P_DEFAULT),
                path);
    return;
  }
  if (damage == kHuge) return huge_dataset(path, type, dims.size());
  h5::Type actual(H5Tcopy(type), "type");
  if (damage == kOtherType) actual = other_type(input_);
  if (damage == kOtherShape) dims = other_shape();
  const h5::Space space =
      damage == kNoData ? h5::Space(H5Screate(H5S_NULL), "space") : space_of(dims);
  const h5::DatasetId dataset(H5Dcreate2(file_.id(), path.c_str(), actual.id(), space.id(),
                                         H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                              path);
  if (damage == kNoData || owns_heap(actual.id())) return;
  const std::string values =
      values_for(input_, count(dims) * H5Tget_size(actual.id()), right, damage);
  if (!values.empty())
    h5::checked(H5Dwrite(dataset.id(), actual.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
                path);
}

void Hdf5Content::close() {
  const std::string path = file_.where();
  file_.close();
  seal(path);
}

}  // namespace tilepool::fuzz
