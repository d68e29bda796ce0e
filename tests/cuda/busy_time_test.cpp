#include "cuda/busy_time.h"

#include <gtest/gtest.h>

namespace tilepool::gpu {
namespace {

TEST(BusyTime, IsTheLengthOfTheUnion) {
  BusyTime busy;
  EXPECT_EQ(busy.seconds(), 0);
  busy.add({1, 2});
  busy.add({4, 5});
  EXPECT_DOUBLE_EQ(busy.seconds(), 2);
  busy.add({1.5, 1.75});
  EXPECT_DOUBLE_EQ(busy.seconds(), 2) << "inside another";
  busy.add({1.5, 4.5});
  EXPECT_DOUBLE_EQ(busy.seconds(), 4) << "joins the two";
  busy.add({0, 1});
  EXPECT_DOUBLE_EQ(busy.seconds(), 5) << "touches";
  busy.add({7, 7});
  EXPECT_DOUBLE_EQ(busy.seconds(), 5);
}

TEST(BusyTime, ForgetsNothingOverManyStretches) {
  BusyTime busy;
  for (int i = 0; i < 10000; ++i) busy.add({i + 0.0, i + 0.5});
  EXPECT_DOUBLE_EQ(busy.seconds(), 5000);
  busy.add({0, 9000});
  EXPECT_LE(busy.seconds(), 10000) << "what is long over counts no more";
}

}  // namespace
}  // namespace tilepool::gpu
