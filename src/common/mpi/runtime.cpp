#include "common/mpi/runtime.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include <sched.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/mpi/ulfm.h"

namespace tilepool {

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  fail(ErrorCode::kMpi, "{} failed: {}", call,
       std::string(text.data(), static_cast<std::size_t>(length)));
}

bool MpiRuntime::launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"})
    if (std::getenv(name) != nullptr) return true;
  return false;
}

namespace {

/// The processors that this process may run on, and whether it is a worker.
struct CoreClaim {
  cpu_set_t cores;
  std::int64_t worker;
};

}  // namespace

MpiRuntime::MpiRuntime(int* argc, char*** argv) {
  // Open MPI's own I/O component; ROMIO under Open MPI 4 is not to be trusted with this.
  ::setenv("OMPI_MCA_io", "ompio", 0);
  int provided = 0;
  check_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  check(provided >= MPI_THREAD_FUNNELED, ErrorCode::kMpi,
        "the MPI library offers no MPI_THREAD_FUNNELED; use one built with thread support");
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &messages_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_set_errhandler(messages_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(world_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(world_, &size_), "MPI_Comm_size");
  MPI_Comm node = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(world_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node),
            "MPI_Comm_split_type");
  check_mpi(MPI_Comm_size(node, &node_size_), "MPI_Comm_size");
  check_mpi(MPI_Comm_rank(node, &node_rank_), "MPI_Comm_rank");
  if (size_ > 1) look_around(node);
  check_mpi(MPI_Comm_free(&node), "MPI_Comm_free");
}

// COLLECTIVE over the ranks of this host.
void MpiRuntime::look_around(MPI_Comm node) {
  CoreClaim mine{};
  mine.worker = rank_ == 0 ? 0 : 1;
  ::sched_getaffinity(0, sizeof mine.cores, &mine.cores);
  std::vector<CoreClaim> claims(static_cast<std::size_t>(node_size_));
  check_mpi(MPI_Allgather(&mine, sizeof mine, MPI_BYTE, claims.data(), sizeof mine, MPI_BYTE, node),
            "MPI_Allgather");
  int sharers = 0;
  node_workers_ = 0;
  for (int i = 0; i < node_size_; ++i) {
    const CoreClaim& claim = claims[static_cast<std::size_t>(i)];
    if (i == node_rank_) node_worker_index_ = node_workers_;
    node_workers_ += claim.worker != 0 ? 1 : 0;
    sharers += claim.worker != 0 && CPU_EQUAL(&claim.cores, &mine.cores) ? 1 : 0;
  }
  workers_on_my_cores_ = std::max(1, sharers);
}

MpiRuntime::~MpiRuntime() {
  if (!finalize_) return;
  MPI_Comm_free(&messages_);
  MPI_Comm_free(&world_);
  MPI_Finalize();
}

int MpiRuntime::largest(int code) const {
  int most = code;
  check_mpi(MPI_Allreduce(&code, &most, 1, MPI_INT, MPI_MAX, world_), "MPI_Allreduce");
  return most;
}

MpiGroupCommunicator::MpiGroupCommunicator(MPI_Comm world, const std::vector<int>& members) {
  MPI_Group everyone = MPI_GROUP_NULL;
  MPI_Group group = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(world, &everyone), "MPI_Comm_group");
  check_mpi(MPI_Group_incl(everyone, checked_cast<int>(members.size()), members.data(), &group),
            "MPI_Group_incl");
  constexpr int kPackTag = 77;
  check_mpi(MPI_Comm_create_group(world, group, kPackTag, &comm_), "MPI_Comm_create_group");
  MPI_Group_free(&group);
  MPI_Group_free(&everyone);
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

MpiGroupCommunicator MpiGroupCommunicator::of_the_living(MPI_Comm world) {
  const MPI_Comm living = shrunk(world);
  check_mpi(MPI_Comm_set_errhandler(living, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  return MpiGroupCommunicator(living);
}

void MpiGroupCommunicator::barrier() const { check_mpi(MPI_Barrier(comm_), "MPI_Barrier"); }

void MpiGroupCommunicator::close() { check_mpi(MPI_Comm_free(&comm_), "MPI_Comm_free"); }

}  // namespace tilepool
