#pragma once

#include <utility>
#include <vector>

#include <mpi.h>

namespace tilepool {

/// The MPI library from init to its end. One object, made in main. MPI_THREAD_FUNNELED: only the
/// thread that made it calls MPI. Errors of MPI calls become Error(kMpi).
class MpiRuntime {
 public:
  /// Whether this process was started by mpirun or srun (their environment is there). Started alone
  /// the program does without MPI, so that it also works where no launcher daemon may be started.
  [[nodiscard]] static bool launched();

  MpiRuntime(int* argc, char*** argv);
  /// Finalizes, unless forget() was called: MPI_Finalize hangs when a rank is dead.
  ~MpiRuntime();
  MpiRuntime(const MpiRuntime&) = delete;
  MpiRuntime& operator=(const MpiRuntime&) = delete;

  /// For collectives of all or some ranks.
  [[nodiscard]] MPI_Comm world() const { return world_; }
  /// For messages. Apart from world(): Open MPI makes a group's communicator by messages with the
  /// caller's own tag on the parent, which a receive of any tag posted there would swallow.
  [[nodiscard]] MPI_Comm messages() const { return messages_; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }
  /// Ranks of the job on this host, and this rank's place among them. COLLECTIVE on construction.
  [[nodiscard]] int node_size() const { return node_size_; }
  [[nodiscard]] int node_rank() const { return node_rank_; }
  /// The workers (ranks but 0, or the only rank) of this node, and this one's place among them.
  [[nodiscard]] int node_workers() const { return node_workers_; }
  [[nodiscard]] int node_worker_index() const { return node_worker_index_; }
  /// How many workers of this node may run on the very cores that this rank may,
  /// itself included: those share the cores out. 1 where the launcher bound each rank to its own.
  [[nodiscard]] int workers_on_my_cores() const { return workers_on_my_cores_; }
  /// COLLECTIVE: the largest `code` of all ranks.
  [[nodiscard]] int largest(int code) const;
  /// From here on a rank may be dead: the process must end by _exit.
  void forget() { finalize_ = false; }
  [[nodiscard]] bool forgotten() const { return !finalize_; }

 private:
  MPI_Comm world_ = MPI_COMM_NULL;  ///< duplicate of MPI_COMM_WORLD that returns errors
  MPI_Comm messages_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1, node_size_ = 1, node_rank_ = 0, workers_on_my_cores_ = 1;
  int node_workers_ = 1, node_worker_index_ = 0;
  bool finalize_ = true;

  void look_around(MPI_Comm node);
};

/// A communicator of some ranks of `world`. Creation is COLLECTIVE over `members` only. There is no
/// destructor: a free is collective and may not run while an exception unwinds; close() does it.
class MpiGroupCommunicator {
 public:
  MpiGroupCommunicator(MPI_Comm world, const std::vector<int>& members);
  /// Of all living ranks of `world`, where the library knows who is dead.
  [[nodiscard]] static MpiGroupCommunicator of_the_living(MPI_Comm world);
  MpiGroupCommunicator(const MpiGroupCommunicator&) = delete;
  MpiGroupCommunicator& operator=(const MpiGroupCommunicator&) = delete;
  MpiGroupCommunicator(MpiGroupCommunicator&& other) noexcept
      : comm_(std::exchange(other.comm_, MPI_COMM_NULL)) {}
  [[nodiscard]] MPI_Comm get() const { return comm_; }
  /// COLLECTIVE: every member has come this far.
  void barrier() const;
  /// COLLECTIVE free; call on the success path, in lockstep.
  void close();

 private:
  explicit MpiGroupCommunicator(MPI_Comm comm) : comm_(comm) {}
  MPI_Comm comm_ = MPI_COMM_NULL;
};

/// Throws Error(kMpi) with the library's words unless `code` is MPI_SUCCESS.
void check_mpi(int code, const char* call);

}  // namespace tilepool
