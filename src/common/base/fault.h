#pragma once

#include <cstdint>
#include <string_view>

namespace tilepool {

/// Places where a test may make a rank die, stop or fail. In production nothing is armed and a
/// point costs one load.
///
/// TILEPOOL_FAULT arms them: faults separated by ';', each words "key=value" separated by blanks:
///   at=scan|strip|calibrate|read|compute|write|commit|plan|pack   where (needed)
///   do=kill|stop|segv|exit|hang|slow|eio|enospc|edquot|erofs      what (needed)
///   rank=R     only on this rank (default: on every rank)
///   index=I    only for this slide or sample index (default: any)
///   nth=N      at the N-th pass of the point that matches, and only then (default: at every pass)
/// kill and stop raise that signal, segv crashes, exit leaves by _exit(9), hang never returns,
/// slow takes a tenth of a second, the others fail as a write with that error number does.
enum class FaultPoint : std::uint8_t {
  kScan,
  kStrip,
  kCalibrate,
  kRead,
  kCompute,
  kWrite,   ///< in the middle of writing a range or scan file
  kCommit,  ///< a file is written but not yet under its final name
  kPlan,
  kPack,
};

/// Reads TILEPOOL_FAULT for this rank. Throws Error(kUsage) when it is malformed.
void arm_faults(int rank);
/// The same for a given text.
void arm_faults(int rank, std::string_view text);

namespace detail {
extern bool faults_armed;
/// Returns the errno that the caller has to fail with, 0 for none.
int pass_fault_point(FaultPoint point, std::uint64_t index);
}  // namespace detail

/// Does what is armed for this point. Throws Error(kIo) for an error number. Thread-safe.
void fault_point(FaultPoint point, std::uint64_t index);

/// For writers that report an errno instead of throwing: 0, or the number to fail with.
[[nodiscard]] inline int write_fault() {
  return detail::faults_armed ? detail::pass_fault_point(FaultPoint::kWrite, 0) : 0;
}

}  // namespace tilepool
