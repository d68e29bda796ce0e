#pragma once

#include <cstddef>
#include <cstdint>

namespace tilepool {

/// A view of one plane of pixels: row-major, `stride` elements from one row to the next
/// (stride >= width). Owns nothing. Copy it freely. The pixels may lie in the memory of a GPU.
template <class T>
struct ImageView {
  T* data = nullptr;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t stride = 0;

  [[nodiscard]] constexpr T* row(std::int64_t y) const { return data + y * stride; }
  [[nodiscard]] constexpr T& at(std::int64_t x, std::int64_t y) const { return data[y * stride + x]; }
  [[nodiscard]] constexpr std::int64_t pixels() const { return width * height; }
  [[nodiscard]] constexpr bool empty() const { return width == 0 || height == 0; }

  /// The window [x, x+w) x [y, y+h), which must lie inside this view.
  [[nodiscard]] constexpr ImageView window(std::int64_t x, std::int64_t y, std::int64_t w,
                                 std::int64_t h) const {
    return {data + y * stride + x, w, h, stride};
  }
  constexpr operator ImageView<const T>() const {  // NOLINT(google-explicit-constructor): view of const
    return {data, width, height, stride};
  }
};

/// Interleaved 8-bit RGB, three bytes a pixel; `stride` is in bytes (>= 3 * width).
template <class Byte>
struct BasicRgbView {
  Byte* data = nullptr;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t stride = 0;

  [[nodiscard]] constexpr Byte* row(std::int64_t y) const { return data + y * stride; }
  [[nodiscard]] constexpr Byte* pixel(std::int64_t x, std::int64_t y) const { return row(y) + 3 * x; }
  [[nodiscard]] constexpr std::int64_t pixels() const { return width * height; }
  [[nodiscard]] constexpr bool empty() const { return width == 0 || height == 0; }
  [[nodiscard]] constexpr BasicRgbView window(std::int64_t x, std::int64_t y, std::int64_t w,
                                    std::int64_t h) const {
    return {data + y * stride + 3 * x, w, h, stride};
  }
  constexpr operator BasicRgbView<const Byte>() const {  // NOLINT(google-explicit-constructor)
    return {data, width, height, stride};
  }
};
using RgbView = BasicRgbView<std::uint8_t>;
using ConstRgbView = BasicRgbView<const std::uint8_t>;

/// A rectangle in pixels of some grid: half-open [x, x+w) x [y, y+h).
struct Rect {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::int64_t w = 0;
  std::int64_t h = 0;
  friend bool operator==(const Rect&, const Rect&) = default;
};

}  // namespace tilepool
