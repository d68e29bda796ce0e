#include "cli/versions.h"

#include <array>
#include <string_view>

#include <boost/version.hpp>
#include <fmt/core.h>
#include <gnu/libc-version.h>
#include <hdf5.h>
#include <lz4.h>
#include <mpi.h>
#include <nlohmann/json.hpp>
#include <openslide.h>
#include <spdlog/version.h>
#include <sqlite3.h>
#include <sys/utsname.h>
#include <tiffio.h>
#include <xxhash.h>
#include <zlib.h>

#include "common/base/error.h"

extern const char* const tilepool_git_commit;  // written by cmake/GitCommit.cmake

namespace tilepool {
namespace {

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string_view whole(text.data());
  return std::string(whole.substr(0, whole.find(',')));  // "Open MPI v4.1.4, package: ..."
}

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

std::string kernel_version() {
  utsname name{};
  check(uname(&name) == 0, ErrorCode::kIo, "uname: {}", errno_text(errno));
  return fmt::format("{} {}", name.sysname, name.release);
}

}  // namespace

std::string tilepool_version() { return TILEPOOL_VERSION; }
std::string git_commit() { return tilepool_git_commit; }
std::string version_line() {
  return fmt::format("tilepool {} ({})\n", tilepool_version(), git_commit());
}

std::vector<std::pair<std::string, std::string>> library_versions() {
  const std::string tiff = TIFFGetVersion();  // "LIBTIFF, Version 4.5.0\nCopyright..."
  return {
      {"tilepool", tilepool_version()},
      {"git_commit", git_commit()},
      {"compiler", __VERSION__},
      {"glibc", gnu_get_libc_version()},
      {"kernel", kernel_version()},
      {"mpi", mpi_version()},
      {"hdf5", hdf5_version()},
      {"openslide", openslide_get_version()},
      {"libtiff", one_line(tiff)},
      {"boost", BOOST_LIB_VERSION},
      {"fmt", fmt::format("{}", FMT_VERSION)},
      {"spdlog", fmt::format("{}.{}.{}", SPDLOG_VER_MAJOR, SPDLOG_VER_MINOR, SPDLOG_VER_PATCH)},
      {"nlohmann_json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR,
                                    NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH)},
      {"xxhash", fmt::format("{}", XXH_versionNumber())},
      {"lz4", LZ4_versionString()},
      {"zlib", zlibVersion()},
      {"sqlite", sqlite3_libversion()},
  };
}

}  // namespace tilepool
