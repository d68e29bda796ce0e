#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace tilepool {

using BenchClock = std::chrono::steady_clock;
[[nodiscard]] double seconds_since(BenchClock::time_point begin);

/// The middle value, of an even number the upper one; 0 of none.
[[nodiscard]] double median(std::vector<double> values);

/// Whether the person wants it to end.
using StopAsked = std::function<bool()>;
/// Throws Error(kStopped) if so.
void check_stop(const StopAsked& stop);

/// Does one item; returns the pixels that this gave.
using PixelWork = std::function<double(std::size_t item)>;

/// Pixels a second of `threads` threads that take the items 0..items-1 in turn, over and over, for
/// `seconds` or, if that is longer, one item each: the sum of the threads' own rates. make() gives
/// each thread its work before the clock starts. What work throws is thrown, check_stop too.
[[nodiscard]] double pixels_per_second(std::size_t items, int threads, double seconds,
                                       const StopAsked& stop,
                                       const std::function<PixelWork()>& make);

/// 1, 2, 4, ... and `most`.
[[nodiscard]] std::vector<int> thread_steps(int most);

}  // namespace tilepool
