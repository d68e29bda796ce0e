#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <hdf5.h>
#include <mpi.h>
#include <openslide.h>
#include <unistd.h>

#include "cli/doctor_checks.h"
#include "common/base/error.h"
#include "common/base/subprocess.h"
#include "common/base/system.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/hdf5/lz4_filter.h"

namespace tilepool {
namespace {

using Health = Finding::Health;
using Area = Finding::Area;

Finding pass(std::string check, std::string found) {
  return {Health::kPass, Area::kMachine, std::move(check), std::move(found), ""};
}
Finding warn(std::string check, std::string found, std::string remedy) {
  return {Health::kWarn, Area::kMachine, std::move(check), std::move(found), std::move(remedy)};
}
Finding failure(std::string check, std::string found, std::string remedy) {
  return {Health::kFail, Area::kMachine, std::move(check), std::move(found), std::move(remedy)};
}

/// "4.1.4" out of "mpirun (Open MPI) 4.1.4" or "Open MPI v4.1.4, package: ...".
std::string version_in(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789.", at), text.size());
    const std::string_view candidate = text.substr(at, end - at);
    if (candidate.size() >= 3 && candidate.front() != '.' && candidate.find('.') != 0 &&
        candidate.find('.') != std::string_view::npos)
      return std::string(candidate);
    at = end;
  }
  return {};
}

std::string mpi_library_text() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string_view whole(text.data());
  return std::string(whole.substr(0, whole.find_first_of(",\n")));
}

std::string limit_text(const std::optional<std::size_t>& bytes) {
  return bytes ? format_bytes(*bytes) : "none";
}

}  // namespace

std::string first_output_line(const char* command) {
  return std::string(trimmed(one_line(run_subprocess({"sh", "-c", command}, "").output)));
}

Finding check_mpi_library() {
  int major = 0;
  int minor = 0;
  MPI_Get_version(&major, &minor);
  const std::string threads =
      first_output_line("ompi_info --parsable 2>/dev/null | grep -o 'MPI_THREAD_MULTIPLE: [a-z]*'");
  return pass("MPI",
              fmt::format("{}, standard {}.{}{}{} (tilepool needs MPI_THREAD_FUNNELED)",
                          mpi_library_text(), major, minor, threads.empty() ? "" : ", ", threads));
}

Finding check_launcher() {
  const std::string found = first_output_line("mpirun --version 2>/dev/null");
  if (found.empty())
    return warn("mpirun", "not on the PATH: only `tilepool run` alone works",
                "apt-get install openmpi-bin, or load the MPI module of your cluster");
  const std::string library = version_in(mpi_library_text());
  if (const std::string launcher = version_in(found); launcher != library)
    return failure("mpirun", fmt::format("{}, but the library is {}", found, library),
                   "put the mpirun that belongs to the library first on the PATH");
  if (geteuid() == 0 && std::getenv("OMPI_ALLOW_RUN_AS_ROOT") == nullptr)
    return warn("mpirun", found + ", refuses to run as root",
                "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1, or use another "
                "user");
  return pass("mpirun", found);
}

Finding check_hdf5() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  const std::string found = fmt::format("{}.{}.{}", major, minor, release);
  const std::string built = fmt::format("{}.{}.{}", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
#ifdef H5_HAVE_PARALLEL
  constexpr bool kParallel = true;
#else
  constexpr bool kParallel = false;
#endif
  if (!kParallel)
    return failure("parallel HDF5", found + ", a serial build",
                   "build against hdf5-openmpi (apt-get install libhdf5-openmpi-dev)");
  if (found != built)
    return failure("parallel HDF5", fmt::format("{} is loaded, {} was built against", found, built),
                   "build again, or clear LD_LIBRARY_PATH");
  return pass("parallel HDF5", found);
}

Finding check_filters() {
  h5::register_lz4_filter();
  std::string missing;
  if (H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0) missing += " gzip";
  if (H5Zfilter_avail(h5::kLz4FilterId) <= 0) missing += " lz4";
  if (missing.empty()) return pass("filters", "gzip, lz4");
  return failure("filters", "missing:" + missing,
                 "use an HDF5 library built with zlib, or set /output/compression to none");
}

Finding check_openslide() { return pass("OpenSlide", openslide_get_version()); }

Finding check_cores() {
  const int cores = cpu_cores_granted();
  const auto online = sysconf(_SC_NPROCESSORS_ONLN);
  const std::string found = fmt::format("{} granted of {} on {}", cores, online, host_name());
  if (cores == 1 && online > 1)
    return warn("cores", found, "ask for more (Slurm: --cpus-per-task), or check taskset");
  return pass("cores", found);
}

Finding check_memory() {
  const MemoryLimits limits = memory_limits();
  const std::string found =
      fmt::format("cgroup limit {}, Slurm's grant {}, available {}", limit_text(limits.cgroup),
                  limit_text(limits.slurm), limit_text(limits.available));
  if (!limits.cgroup && !limits.slurm && !limits.available)
    return failure("memory", "nothing tells how much there is (no /proc/meminfo)",
                   "set /memory/host_per_rank");
  if (memory_limit_bytes() < kGiB)
    return warn("memory", found, "less than 1 GiB for all ranks: use smaller tiles");
  return pass("memory", found);
}

Finding check_gpu() {
  constexpr bool kBuilt = TILEPOOL_WITH_CUDA != 0;
  const std::string gpu = first_output_line(
      "nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null");
  if (kBuilt && gpu.empty())
    return warn("GPU", "built with CUDA, but nvidia-smi shows no GPU",
                "set /workers/device to cpu, or check the driver");
  if (kBuilt) return pass("GPU", gpu);
  if (gpu.empty()) return pass("GPU", "none, and not built with CUDA: the CPU computes");
  return warn("GPU", gpu + ", but tilepool was built without CUDA",
              "build the preset release-cuda");
}

}  // namespace tilepool
