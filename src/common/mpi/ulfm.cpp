#include "common/mpi/ulfm.h"

#include <array>
#include <string_view>

#include <dlfcn.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/mpi/runtime.h"

namespace tilepool {
namespace {

template <class Function>
Function look_up(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

}  // namespace

// By name: the number of the error class is not the same in all libraries.
bool is_peer_failure(int code) {
  if (code == MPI_SUCCESS) return false;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  const std::string_view words(text.data(), static_cast<std::size_t>(length));
  return words.find("ERR_PROC_FAILED") != std::string_view::npos;
}

void acknowledge_failures(MPI_Comm comm) {
  static auto* const acknowledge = look_up<int (*)(MPI_Comm)>("MPIX_Comm_failure_ack");
  if (acknowledge != nullptr) check_mpi(acknowledge(comm), "MPIX_Comm_failure_ack");
}

std::vector<int> failed_ranks(MPI_Comm comm) {
  static auto* const get_failed = look_up<int (*)(MPI_Comm, MPI_Group*)>("MPIX_Comm_get_failed");
  if (get_failed == nullptr) return {};
  MPI_Group failed = MPI_GROUP_NULL;
  MPI_Group everyone = MPI_GROUP_NULL;
  check_mpi(get_failed(comm, &failed), "MPIX_Comm_get_failed");
  check_mpi(MPI_Comm_group(comm, &everyone), "MPI_Comm_group");
  int count = 0;
  check_mpi(MPI_Group_size(failed, &count), "MPI_Group_size");
  std::vector<int> there(checked_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) there[static_cast<std::size_t>(i)] = i;
  std::vector<int> ranks(there.size());
  check_mpi(MPI_Group_translate_ranks(failed, count, there.data(), everyone, ranks.data()),
            "MPI_Group_translate_ranks");
  MPI_Group_free(&failed);
  MPI_Group_free(&everyone);
  return ranks;
}

MPI_Comm shrunk(MPI_Comm comm) {
  static auto* const shrink = look_up<int (*)(MPI_Comm, MPI_Comm*)>("MPIX_Comm_shrink");
  check(shrink != nullptr, ErrorCode::kMpi, "this MPI library cannot leave out dead ranks");
  MPI_Comm living = MPI_COMM_NULL;
  check_mpi(shrink(comm, &living), "MPIX_Comm_shrink");
  return living;
}

}  // namespace tilepool
