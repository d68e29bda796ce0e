#include "bench/timing.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "common/base/error.h"

namespace tilepool {
namespace {

/// What the threads of one measurement share.
struct Race {
  std::size_t items;
  double seconds;
  const StopAsked& stop;
  BenchClock::time_point begin{};
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
};

/// The rate of one thread.
double run_thread(Race& race, const PixelWork& work) {
  double pixels = 0;
  double spent = 0;
  while (spent < race.seconds && !race.failed) {
    check_stop(race.stop);
    pixels += work(race.next++ % race.items);
    spent = seconds_since(race.begin);
  }
  return spent > 0 ? pixels / spent : 0;
}

}  // namespace

double seconds_since(BenchClock::time_point begin) {
  return std::chrono::duration<double>(BenchClock::now() - begin).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void check_stop(const StopAsked& stop) {
  check(!stop || !stop(), ErrorCode::kStopped, "stopped by a signal; nothing was written");
}

double pixels_per_second(std::size_t items, int threads, double seconds, const StopAsked& stop,
                         const std::function<PixelWork()>& make) {
  check(items > 0 && threads > 0, ErrorCode::kInternal, "{} items for {} threads", items, threads);
  const auto n = static_cast<std::size_t>(threads);
  std::vector<PixelWork> works;
  works.reserve(n);
  for (std::size_t t = 0; t < n; ++t) works.push_back(make());
  std::vector<double> rates(n, 0);
  std::vector<std::exception_ptr> errors(n);
  Race race{items, seconds, stop, BenchClock::now()};
  {
    std::vector<std::jthread> pool;
    pool.reserve(n);
    for (std::size_t t = 0; t < n; ++t)
      pool.emplace_back([&, t] {
        try {
          rates[t] = run_thread(race, works[t]);
        } catch (const std::exception&) {
          errors[t] = std::current_exception();
          race.failed = true;
        }
      });
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

std::vector<int> thread_steps(int most) {
  std::vector<int> steps;
  for (int threads = 1; threads < most; threads *= 2) steps.push_back(threads);
  steps.push_back(std::max(1, most));
  return steps;
}

}  // namespace tilepool
