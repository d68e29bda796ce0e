#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/units.h"
#include "common/memory/buffer.h"
#include "worker/memory_plan.h"

namespace tilepool {
namespace {

TEST(Budget, TakesWhatFitsAndRefusesTheRest) {
  Budget budget(100);
  EXPECT_TRUE(budget.try_take(60));
  EXPECT_FALSE(budget.try_take(41));
  EXPECT_TRUE(budget.try_take(40));
  EXPECT_EQ(budget.free_bytes(), 0U);
  budget.give_back(100);
  EXPECT_EQ(budget.peak_bytes(), 100U);
}

// `old + n <= limit` would wrap here and let it pass.
TEST(Budget, AnAbsurdRequestDoesNotWrapAround) {
  Budget budget(100);
  ASSERT_TRUE(budget.try_take(50));
  EXPECT_FALSE(budget.try_take(~std::size_t{0} - 10));
  EXPECT_EQ(budget.used_bytes(), 50U);
}

// A budget that adds and rolls back refuses small requests while a large one is on its way.
TEST(Budget, ARequestThatFitsIsNeverRefusedBecauseOfAnother) {
  Budget budget(100);
  std::atomic<bool> stop{false};
  std::thread greedy([&] {
    while (!stop) EXPECT_FALSE(budget.try_take(1000));
  });
  for (int i = 0; i < 20000; ++i) {
    ASSERT_TRUE(budget.try_take(100));
    budget.give_back(100);
  }
  stop = true;
  greedy.join();
}

TEST(Budget, TheMessageNamesTheThingAndTheNeed) {
  Budget budget(kMiB);
  try {
    const Buffer<char> buffer(budget, 2 * kMiB, "the pixels of one tile");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBudget);
    EXPECT_NE(std::string(error.what()).find("the pixels of one tile needs 2.00 MiB"),
              std::string::npos);
  }
  EXPECT_EQ(budget.used_bytes(), 0U);
}

TEST(Buffer, IsZeroedAndGivesBackWhenMovedOver) {
  Budget budget(kMiB);
  Buffer<int> a(budget, 100, "a");
  for (const int value : a.span()) EXPECT_EQ(value, 0);
  a = Buffer<int>(budget, 10, "b");
  EXPECT_EQ(budget.used_bytes(), 10 * sizeof(int));
}

TEST(Arena, HandsOutAlignedPiecesAndRefusesTooMuch) {
  Budget budget(kMiB);
  Arena arena(budget, 1024, "scratch");
  const auto first = arena.take<char>(1);
  const auto second = arena.take<double>(8);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(second.data()) % 64, 0U);
  EXPECT_NE(static_cast<void*>(first.data()), static_cast<void*>(second.data()));
  const std::size_t mark = arena.mark();
  EXPECT_THROW((void)arena.take<char>(1024), Error);
  (void)arena.take<char>(512);
  arena.release(mark);
  EXPECT_NO_THROW((void)arena.take<char>(512));
}

MemoryDemand demand(std::size_t limit) {
  return {limit, 60 * kMiB, 32 * kMiB, 200 * kMiB, 8, 8, 4};
}

TEST(MemoryPlan, UsesAllThreadsWhereThereIsRoom) {
  const auto plan = plan_memory(demand(16 * kGiB));
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->compute_threads, 8);
  EXPECT_EQ(plan->open_slides, 4);
}

TEST(MemoryPlan, ShrinksUntilItFitsAndNeverBeyondTheLimit) {
  const std::size_t least = smallest_limit_bytes(demand(0));
  for (std::size_t limit = least; limit < 4 * kGiB; limit += 64 * kMiB) {
    const auto plan = plan_memory(demand(limit));
    ASSERT_TRUE(plan) << limit;
    EXPECT_LE(plan->total_bytes, limit);
    EXPECT_GE(plan->data_bytes, static_cast<std::size_t>(plan->buffers) * 32 * kMiB +
                                    static_cast<std::size_t>(plan->compute_threads) * 200 * kMiB);
  }
}

TEST(MemoryPlan, CopyingSlidesHasItsBufferBesideAllElse) {
  MemoryDemand staging = demand(0);
  staging.staging_bytes = 8 * kMiB;
  EXPECT_EQ(smallest_limit_bytes(staging), smallest_limit_bytes(demand(0)) + (8 + 6) * kMiB);
  staging.limit_bytes = smallest_limit_bytes(staging);
  const auto plan = plan_memory(staging);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->data_bytes, (32 + 200 + 8) * kMiB);
}

TEST(MemoryPlan, TheSmallestLimitIsTheSmallest) {
  const std::size_t least = smallest_limit_bytes(demand(0));
  EXPECT_TRUE(plan_memory(demand(least)));
  EXPECT_FALSE(plan_memory(demand(least - 1)));
}

}  // namespace
}  // namespace tilepool
