#pragma once

#include <filesystem>
#include <optional>

namespace tilepool {

/// How `tilepool launch` learns the true exit code of the run that it started: mpirun's own is not
/// to be trusted once a rank died. launch makes a file in the run directory and names it in
/// TILEPOOL_EXIT_RECORD; rank 0 writes its code into it when it leaves.
inline constexpr const char* kExitRecordVariable = "TILEPOOL_EXIT_RECORD";

/// Makes the record, with room for a code, so that a full disk still takes it. Error(kIo).
void create_exit_record(const std::filesystem::path& file);
/// nullopt: none yet.
[[nodiscard]] std::optional<int> read_exit_record(const std::filesystem::path& file);
/// Writes into the record that the environment names, if one does.
void write_exit_record(int exit_code);

}  // namespace tilepool
