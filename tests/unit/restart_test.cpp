// Where `launch --restarts` starts again, with an mpirun that is told which hosts are dead.
#include "launch/restart.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "common/run/status_json.h"

namespace tilepool {
namespace {

class Restart : public ::testing::Test {
 protected:
  Restart() : folder_(std::filesystem::path(::testing::TempDir()) / "restart") {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    for (const char* host : {"a", "a", "b", "b", "b", "c"}) add_rank(host);
  }
  ~Restart() override { std::filesystem::remove_all(folder_); }

  void add_rank(const std::string& host) {
    RankStatus rank;
    rank.rank = static_cast<int>(status_.ranks.size());
    rank.host = host;
    status_.ranks.push_back(rank);
  }

  /// `dead`: a pattern of sh.
  RankPlacement left(const std::string& dead) {
    const auto program = folder_ / "mpirun";
    std::ofstream(program) << "#!/bin/sh\ncase \"$*\" in " << dead
                           << ") exit 255 ;; *\"--host a:1\"*true) exit 0 ;; "
                              "*\"--host \"?\":1 true\") exit 0 ;; esac\nexit 1\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    const RunLayout layout(folder_);
    write_status(layout.status(), status_);
    return placement_left(layout, {program, 4, 1, 4}, {6, "hostfile", {}});
  }

  const std::filesystem::path folder_;
  RunStatus status_;
};

using Hosts = std::vector<std::string>;

TEST_F(Restart, OnAllHostsAsBeforeWhenAllAnswer) {
  const RankPlacement placement = left("*nobody*");
  EXPECT_EQ(placement.ranks, 6);
  EXPECT_EQ(placement.hostfile, "hostfile");
  EXPECT_EQ(placement.hosts, Hosts{});
}

TEST_F(Restart, WithoutAHostThatDoesNotAnswer) {
  const RankPlacement placement = left("*b:1*");
  EXPECT_EQ(placement.ranks, 3);
  EXPECT_EQ(placement.hosts, (Hosts{"a:2", "c:1"}));
}

TEST_F(Restart, WithoutAHostOfWhichNoRankWasAliveEvenIfItAnswers) {
  for (RankStatus& rank : status_.ranks) rank.alive = rank.host != "c" && rank.rank != 1;
  const RankPlacement placement = left("*nobody*");
  EXPECT_EQ(placement.ranks, 5);
  EXPECT_EQ(placement.hosts, (Hosts{"a:2", "b:3"}));
}

TEST_F(Restart, AsBeforeWhenNothingIsKnown) {
  EXPECT_EQ(placement_left(RunLayout(folder_), {}, {6, "hostfile", {}}).ranks, 6);
  EXPECT_EQ(left("*").hosts, Hosts{});
}

}  // namespace
}  // namespace tilepool
