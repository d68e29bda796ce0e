#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/doctor.h"

namespace tilepool {

/// Each returns what it finds and throws nothing for what is wrong with the machine.

[[nodiscard]] Finding check_mpi_library();
/// mpirun is on the PATH, is that library's, and may be started by this user.
[[nodiscard]] Finding check_launcher();
[[nodiscard]] Finding check_hdf5();
[[nodiscard]] Finding check_filters();
[[nodiscard]] Finding check_openslide();
[[nodiscard]] Finding check_cores();
[[nodiscard]] Finding check_memory();
[[nodiscard]] Finding check_gpu();

/// Room for the segments through which ranks of one host talk.
[[nodiscard]] Finding check_shared_memory(const std::filesystem::path& folder = "/dev/shm");
/// Free space of the file system that would hold `run_dir`, which need not exist.
[[nodiscard]] Finding check_space(const std::filesystem::path& run_dir);
/// Writes, syncs, renames and locks a file where `run_dir` would be.
[[nodiscard]] Finding check_commit(const std::filesystem::path& run_dir);
/// The folder `stage` for copies of the slides: that it can be written to, is a disk of its own,
/// and has room for them.
[[nodiscard]] Finding check_stage(const std::filesystem::path& stage,
                                  const std::vector<SlideSpec>& slides);
/// A warning for each slide that cannot be opened, and a line on all.
[[nodiscard]] std::vector<Finding> check_slides(const std::vector<SlideSpec>& slides,
                                                Reader reader);

/// The first line that a command prints, "" when it cannot be run or fails.
[[nodiscard]] std::string first_output_line(const char* command);

}  // namespace tilepool
