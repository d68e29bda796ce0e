#include "common/hdf5/file.h"

#include <algorithm>

#include <fmt/core.h>

#include "common/base/error.h"
#include "common/hdf5/lz4_filter.h"
#include "common/hdf5/writer_driver.h"

namespace tilepool::h5 {
namespace {

/// A creation list without time stamps.
Plist creation_list(hid_t kind) {
  Plist list(H5Pcreate(kind), "cannot make an HDF5 creation list");
  checked(H5Pset_obj_track_times(list.id(), false), "cannot switch HDF5's time stamps off");
  return list;
}

/// What is large enough begins where file systems and network transfers like it.
constexpr hsize_t kAlignment = hsize_t{64} << 10;

Plist access_list() {
  Plist list(H5Pcreate(H5P_FILE_ACCESS), "cannot make an HDF5 access list");
  checked(H5Pset_libver_bounds(list.id(), H5F_LIBVER_V18, H5F_LIBVER_V18),
          "cannot ask for the HDF5 1.8 format");
  checked(H5Pset_fclose_degree(list.id(), H5F_CLOSE_SEMI), "cannot set HDF5's close degree");
  return list;
}

void set_filter(hid_t list, const Filter& filter, std::size_t element_bytes) {
  if (filter.kind == FilterKind::kNone) return;
  if (element_bytes > 1) checked(H5Pset_shuffle(list), "cannot ask HDF5 to shuffle bytes");
  if (filter.kind == FilterKind::kGzip) {
    checked(H5Pset_deflate(list, static_cast<unsigned>(filter.level)),
            "cannot ask HDF5 for gzip compression");
  } else {
    checked(H5Pset_filter(list, kLz4FilterId, H5Z_FLAG_MANDATORY, 0, nullptr),
            "cannot ask HDF5 for lz4 compression");
  }
}

Plist dataset_list(const Layout& layout, hid_t type) {
  Plist list = creation_list(H5P_DATASET_CREATE);
  if (!layout.chunk.empty()) {
    const std::vector<hsize_t> chunk(layout.chunk.begin(), layout.chunk.end());
    checked(H5Pset_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()),
            "cannot set HDF5 chunks");
    const bool text = H5Tget_class(type) == H5T_STRING;
    set_filter(list.id(), layout.filter, text ? 1 : H5Tget_size(type));
  }
  if (!layout.fill) {
    checked(H5Pset_fill_time(list.id(), H5D_FILL_TIME_NEVER), "cannot switch HDF5's fill off");
  }
  return list;
}

}  // namespace

std::string Location::child(const std::string& path) const {
  return fmt::format("{}{}{}", where_, where_.find(":/") == std::string::npos ? ":/" : "/", path);
}

bool Location::exists(const std::string& path) const {
  for (std::size_t at = path.find('/');; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (H5Lexists(id_, part.c_str(), H5P_DEFAULT) <= 0) return false;
    if (at == std::string::npos) return true;
  }
}

std::vector<std::string> Location::names(const std::string& path) const {
  const std::string what = child(path) + ": cannot list";
  const GroupId group(H5Gopen2(id_, path.empty() ? "." : path.c_str(), H5P_DEFAULT), what);
  std::vector<std::string> found;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->emplace_back(name);
    return 0;
  };
  checked(H5Literate(group.id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &found), what);
  std::sort(found.begin(), found.end());
  return found;
}

void Location::create_parents(const std::string& path) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    Group::create(*this, path.substr(0, at));
  }
}

Dataset Location::make_dataset(const std::string& path, hid_t type,
                               const std::vector<std::uint64_t>& dims, const Layout& layout) {
  create_parents(path);
  const std::string what = child(path) + ": cannot make the dataset";
  const std::vector<hsize_t> size(dims.begin(), dims.end());
  std::vector<hsize_t> most = size;
  if (layout.extendible) most.at(0) = H5S_UNLIMITED;
  const Space space(H5Screate_simple(static_cast<int>(size.size()), size.data(), most.data()),
                    what);
  const Plist list = dataset_list(layout, type);
  DatasetId dataset(
      H5Dcreate2(id_, path.c_str(), type, space.id(), H5P_DEFAULT, list.id(), H5P_DEFAULT), what);
  return {std::move(dataset), child(path)};
}

Dataset Location::create_texts(const std::string& path, std::uint64_t rows, std::size_t width,
                               const Layout& layout) {
  const Type type = text_type(std::max<std::size_t>(1, width));
  return make_dataset(path, type.id(), {rows}, layout);
}

Dataset Location::open_dataset(const std::string& path) const {
  check(exists(path), ErrorCode::kHdf5, "{}: is not in the file", child(path));
  Dataset dataset(
      DatasetId(H5Dopen2(id_, path.c_str(), H5P_DEFAULT), child(path) + ": cannot open"),
      child(path));
  dataset.check_plausible();
  return dataset;
}

Dataset Location::write_texts(const std::string& path, std::span<const std::string> texts) {
  Dataset dataset = create_texts(path, texts.size(), text_width(texts));
  dataset.write_texts(0, texts);
  return dataset;
}

std::vector<std::string> Location::read_texts(const std::string& path) const {
  const Dataset dataset = open_dataset(path);
  return dataset.read_texts(0, dataset.rows());
}

Group::Group(GroupId group, std::string where)
    : Location(group.id(), std::move(where)), group_(std::move(group)) {}

Group Group::create(Location& parent, const std::string& path) {
  if (parent.exists(path)) return open(parent, path);
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos) create(parent, path.substr(0, slash));
  const Plist list = creation_list(H5P_GROUP_CREATE);
  const std::string where = parent.child(path);
  return {GroupId(H5Gcreate2(parent.id(), path.c_str(), H5P_DEFAULT, list.id(), H5P_DEFAULT),
                  where + ": cannot make the group"),
          where};
}

Group Group::open(const Location& parent, const std::string& path) {
  const std::string where = parent.child(path);
  return {GroupId(H5Gopen2(parent.id(), path.c_str(), H5P_DEFAULT), where + ": cannot open"),
          where};
}

File::File(FileId file, std::string where, Mode mode)
    : Location(file.id(), std::move(where)), file_(std::move(file)), mode_(mode) {}

File File::create(const std::filesystem::path& path) {
  initialise();
  const Plist creation = creation_list(H5P_FILE_CREATE);
  const Plist access = access_list();
  use_writer_driver(access.id());
  checked(H5Pset_alignment(access.id(), kAlignment, kAlignment), "cannot set HDF5's alignment");
  const hid_t id = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id());
  check(id >= 0 || last_open_error() == 0, ErrorCode::kIo, "cannot create {}: {} (errno {})",
        path.string(), errno_text(last_open_error()), last_open_error());
  return {FileId(id, "cannot create " + path.string()), path.string(), Mode::kWrite};
}

File File::open(const std::filesystem::path& path) {
  initialise();
  const Plist access = access_list();
  return {
      FileId(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), "cannot open " + path.string()),
      path.string(), Mode::kRead};
}

File File::open_to_write(const std::filesystem::path& path) {
  initialise();
  const Plist access = access_list();
  use_writer_driver(access.id());
  const hid_t id = H5Fopen(path.c_str(), H5F_ACC_RDWR, access.id());
  check(id >= 0 || last_open_error() == 0, ErrorCode::kIo, "cannot open {}: {} (errno {})",
        path.string(), errno_text(last_open_error()), last_open_error());
  return {FileId(id, "cannot open " + path.string()), path.string(), Mode::kWrite};
}

File File::create_parallel(const std::filesystem::path& path, MPI_Comm comm) {
  initialise();
  const Plist creation = creation_list(H5P_FILE_CREATE);
  const Plist access = access_list();
  checked(H5Pset_fapl_mpio(access.id(), comm, MPI_INFO_NULL), "cannot set HDF5's MPI-IO driver");
  return {FileId(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()),
                 "cannot create " + path.string()),
          path.string(), Mode::kParallel};
}

File::~File() {
  if (mode_ == Mode::kParallel) file_.release();
}

void File::check_written() const {
  if (mode_ != Mode::kWrite || !file_.valid()) return;
  const int error = writer_error(id_);
  check(error == 0, ErrorCode::kIo, "cannot write {}: {} (errno {})", where_, errno_text(error),
        error);
}

void File::close() {
  if (!file_.valid()) return;
  const ssize_t open_inside =
      H5Fget_obj_count(id_, H5F_OBJ_DATASET | H5F_OBJ_GROUP | H5F_OBJ_DATATYPE | H5F_OBJ_ATTR);
  check(open_inside == 0, ErrorCode::kInternal, "{} cannot be closed: {} objects in it are open",
        where_, open_inside);
  id_ = H5I_INVALID_HID;
  file_.close("cannot close " + where_);
  if (mode_ != Mode::kWrite) return;
  const int error = last_close_error();
  check(error == 0, ErrorCode::kIo, "cannot write {}: {} (errno {})", where_, errno_text(error),
        error);
}

}  // namespace tilepool::h5
