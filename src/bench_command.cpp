#include "bench_command.h"

#include <unistd.h>

#include "bench/bench.h"
#include "bench/render.h"
#include "cli/versions.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/model/options_json.h"
#include "common/mpi/runtime.h"
#include "common/run/atomic_file.h"
#include "common/run/temporary_folder.h"
#include "job.h"
#include "stop_signal.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// That the page can be written is found out before, not after, the measurement.
void check_page(const fs::path& page) {
  const fs::path folder = fs::absolute(page).parent_path();
  check(fs::is_directory(folder), ErrorCode::kIo,
        "--out {}: there is no folder {}; make it, or name another file", page.string(),
        folder.string());
  check(!fs::is_directory(page), ErrorCode::kIo, "--out {} is a folder; name a file in it",
        page.string());
  check(::access(folder.c_str(), W_OK) == 0, ErrorCode::kIo, "--out {}: cannot write there: {}",
        page.string(), errno_text(errno));
}

}  // namespace

int bench_job(const CommandLine& command) {
  check(!MpiRuntime::launched(), ErrorCode::kUsage,
        "tilepool bench measures one process: start it without mpirun, and under srun with "
        "--mpi=none");
  BenchRequest request;
  request.config = command.config;
  request.options = load_config(command.config, command.sets).options;
  request.cohort = cohort_of(command, request.options);
  request.seconds = command.seconds;
  request.cores = cpu_cores_granted();
  request.threads = command.threads > 0 ? command.threads : request.cores;
  request.limit_bytes = host_limit_bytes(request.options, 1);
  request.program = own_program();
  check_page(command.out);
  note_stop_signals();
  // Where runs lie: commits go to the file system that they go to in a run.
  const TemporaryFolder folder(fs::absolute(command.run_dir).parent_path() / "tilepool-bench");
  request.folder = folder.path();
  BenchFigures figures = run_bench(request, stop_signalled);
  figures.versions = library_versions();
  write_file_atomically(command.out, bench_page(figures));
  fmt::print("{}", command.json ? bench_json(figures) : bench_text(figures));
  log_info("{}", fs::absolute(command.out).string());
  return 0;
}

}  // namespace tilepool
