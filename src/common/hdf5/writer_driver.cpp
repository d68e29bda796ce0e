#include "common/hdf5/writer_driver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#else
#include <H5FDpublic.h>
#endif

#include "common/base/fault.h"
#include "common/hdf5/error.h"

namespace tilepool::h5 {
namespace {

constexpr haddr_t kMaxAddress = (haddr_t{1} << 62) - 1;

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;

constexpr off_t kWorthABegin = off_t{64} << 10;

/// Bytes that wait to be written together.
struct Window {
  std::unique_ptr<char[]> bytes;
  haddr_t begin;
  std::size_t size;
};

struct WriterFile {
  H5FD_t base;  // HDF5 casts to and from it: first, and the struct stays standard-layout
  int descriptor;
  int error;  // errno of the first failure
  haddr_t end_of_allocation;
  haddr_t end_of_file;
  Window window;
};

int g_last_close_error = 0;
int g_last_open_error = 0;

WriterFile* of(H5FD_t* file) { return reinterpret_cast<WriterFile*>(file); }
const WriterFile* of(const H5FD_t* file) { return reinterpret_cast<const WriterFile*>(file); }

void remember(WriterFile& file) {
  if (file.error == 0) file.error = errno;
}

void put(WriterFile& self, haddr_t address, std::size_t size, const char* in) {
  const auto begin = static_cast<off_t>(address);
  const auto length = static_cast<off_t>(size);
  while (size > 0 && self.error == 0) {
    const ssize_t written = ::pwrite(self.descriptor, in, size, static_cast<off_t>(address));
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = ENOSPC;
    if (written <= 0) return remember(self);
    in += written;
    size -= static_cast<std::size_t>(written);
    address += static_cast<haddr_t>(written);
  }
  // The disk works while the rest is made. A file system that cannot, loses nothing by it.
  if (length >= kWorthABegin)
    (void)::sync_file_range(self.descriptor, begin, length, SYNC_FILE_RANGE_WRITE);
}

void empty_window(WriterFile& self) {
  Window& window = self.window;
  put(self, window.begin, std::exchange(window.size, 0), window.bytes.get());
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t /*access*/, haddr_t /*max_address*/) {
  int mode = (flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY;
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  g_last_open_error = 0;
  const int descriptor = ::open(name, mode | O_CLOEXEC, 0666);
  struct stat status = {};
  if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
    g_last_open_error = errno;
    if (descriptor >= 0) ::close(descriptor);
    return nullptr;
  }
  auto file = std::make_unique<WriterFile>();
  file->descriptor = descriptor;
  file->end_of_file = static_cast<haddr_t>(status.st_size);
  file->window.bytes = std::make_unique_for_overwrite<char[]>(kWindowBytes);
  return &file.release()->base;
}

herr_t close_file(H5FD_t* file) {
  const std::unique_ptr<WriterFile> owned(of(file));
  empty_window(*owned);
  if (::close(owned->descriptor) != 0) remember(*owned);
  g_last_close_error = owned->error;
  return 0;
}

int compare(const H5FD_t* a, const H5FD_t* b) { return of(a)->descriptor - of(b)->descriptor; }

herr_t query(const H5FD_t* /*file*/, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t /*type*/) { return of(file)->end_of_allocation; }
haddr_t get_eof(const H5FD_t* file, H5FD_mem_t /*type*/) { return of(file)->end_of_file; }

herr_t set_eoa(H5FD_t* file, H5FD_mem_t /*type*/, haddr_t address) {
  of(file)->end_of_allocation = address;
  return 0;
}

herr_t get_handle(H5FD_t* file, hid_t /*access*/, void** handle) {
  *handle = of(file);
  return 0;
}

herr_t read_bytes(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address,
                  std::size_t size, void* buffer) {
  empty_window(*of(file));
  if (const int error = of(file)->error; error != 0) {  // what was to be read was never written
    H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR,
             "an earlier write failed: errno = %d", error);
    return -1;
  }
  auto* out = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = ::pread(of(file)->descriptor, out, size, static_cast<off_t>(address));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {  // beyond the end: zeros, as sec2 gives
      std::memset(out, 0, size);
      return 0;
    }
    out += got;
    size -= static_cast<std::size_t>(got);
    address += static_cast<haddr_t>(got);
  }
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*transfer*/, haddr_t address,
                   std::size_t size, const void* buffer) {
  WriterFile& self = *of(file);
  const auto* in = static_cast<const char*>(buffer);
  self.end_of_file = std::max(self.end_of_file, address + size);
  if (const int error = write_fault(); error != 0 && self.error == 0) {
    errno = error;
    remember(self);
  }
  if (self.error != 0) return 0;
  Window& window = self.window;
  const bool joins = address >= window.begin && address <= window.begin + window.size &&
                     address + size <= window.begin + kWindowBytes;
  if (window.size > 0 && !joins) empty_window(self);
  if (size >= kWindowBytes) {
    put(self, address, size, in);
    return 0;
  }
  if (window.size == 0) window.begin = address;
  const auto at = static_cast<std::size_t>(address - window.begin);
  std::memcpy(window.bytes.get() + at, in, size);
  window.size = std::max(window.size, at + size);
  return 0;
}

herr_t flush_file(H5FD_t* file, hid_t /*transfer*/, hbool_t /*closing*/) {
  empty_window(*of(file));
  return 0;
}

herr_t truncate_file(H5FD_t* file, hid_t /*transfer*/, hbool_t /*closing*/) {
  WriterFile& self = *of(file);
  empty_window(self);
  if (self.end_of_allocation == self.end_of_file) return 0;
  if (self.error == 0 &&
      ::ftruncate(self.descriptor, static_cast<off_t>(self.end_of_allocation)) != 0) {
    remember(self);
  }
  self.end_of_file = self.end_of_allocation;
  return 0;
}

H5FD_class_t make_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value = static_cast<H5FD_class_value_t>(600);  // 512..: not registered with the HDF Group
#endif
  driver.name = "tilepool-writer";
  driver.maxaddr = kMaxAddress;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.open = &open_file;
  driver.close = &close_file;
  driver.cmp = &compare;
  driver.query = &query;
  driver.get_eoa = &get_eoa;
  driver.set_eoa = &set_eoa;
  driver.get_eof = &get_eof;
  driver.get_handle = &get_handle;
  driver.read = &read_bytes;
  driver.write = &write_bytes;
  driver.flush = &flush_file;
  driver.truncate = &truncate_file;
  const H5FD_mem_t one_region[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(one_region), std::end(one_region), std::begin(driver.fl_map));
  return driver;
}

hid_t driver_id() {
  static const H5FD_class_t kClass = make_class();
  static const hid_t kId = checked_id(H5FDregister(&kClass), "cannot register the file driver");
  return kId;
}

}  // namespace

void use_writer_driver(hid_t file_access) {
  checked(H5Pset_driver(file_access, driver_id(), nullptr), "cannot set the file driver");
}

int writer_error(hid_t file) {
  void* handle = nullptr;
  checked(H5Fget_vfd_handle(file, H5P_DEFAULT, &handle), "cannot ask for the file driver");
  return static_cast<const WriterFile*>(handle)->error;
}

int last_close_error() { return g_last_close_error; }
int last_open_error() { return g_last_open_error; }

}  // namespace tilepool::h5
