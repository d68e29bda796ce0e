#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace tilepool {

/// One committed range on the run's own clock: seconds during which the run was up, all attempts
/// one after the other, so that a night between a stop and a resumption takes no room.
struct CommitEvent {
  int rank = 0;
  double from_s = 0, to_s = 0;  ///< since the rank's commit before (or the plan), and its moment
  double tiles = 0, cells = 0;
};

/// Something that a person should hear of: a lost worker, a damaged range, tiles given up.
struct NotedEvent {
  std::string time;   ///< ISO 8601
  std::string level;  ///< "warning", "error"
  int rank = 0;
  std::string event, reason;
};

/// What events.jsonl tells of a run.
struct EventHistory {
  std::vector<CommitEvent> commits;    ///< in the order of the file
  std::vector<double> attempt_begins;  ///< on the run's own clock; one an attempt
  std::vector<NotedEvent> noted;       ///< at most kMostNoted, the last ones
  std::size_t n_noted = 0;
  double end_s = 0;
};

inline constexpr std::size_t kMostNoted = 50;

/// Lines that are no event (the last one of a killed run may be cut) are passed over. A missing
/// file gives an empty history.
[[nodiscard]] EventHistory read_events(const std::filesystem::path& file);

/// Tiles per second in `bins` equal stretches of [0, history.end_s]; each commit's tiles are spread
/// evenly over the time since the rank's commit before. rank -1: all ranks.
[[nodiscard]] std::vector<double> tile_rates(const EventHistory& history, int rank,
                                             std::size_t bins);

}  // namespace tilepool
