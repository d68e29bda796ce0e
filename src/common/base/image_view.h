#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tilepool {

/// A view of one plane of pixels: row-major, `stride` elements from one row to the next
/// (stride >= width). Owns nothing. Copy it freely. The pixels may lie in the memory of a GPU.
template <class T>
struct ImageView {
  T* data = nullptr;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t stride = 0;

  constexpr ImageView() = default;
  constexpr ImageView(T* data_, std::int64_t width_, std::int64_t height_, std::int64_t stride_)
      : data(data_), width(width_), height(height_), stride(stride_) {}
  /// A view of const.
  // NOLINTBEGIN(google-explicit-constructor)
  template <class U>
  requires(!std::is_same_v<T, U> &&
           std::is_same_v<T, const U>) constexpr ImageView(const ImageView<U>& o)
      : ImageView(o.data, o.width, o.height, o.stride) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] constexpr T* row(std::int64_t y) const { return data + y * stride; }
  [[nodiscard]] constexpr T& at(std::int64_t x, std::int64_t y) const {
    return data[y * stride + x];
  }
  [[nodiscard]] constexpr std::int64_t pixels() const { return width * height; }
  [[nodiscard]] constexpr bool empty() const { return width == 0 || height == 0; }

  /// The window [x, x+w) x [y, y+h), which must lie inside this view.
  [[nodiscard]] constexpr ImageView window(std::int64_t x, std::int64_t y, std::int64_t w,
                                           std::int64_t h) const {
    return {data + y * stride + x, w, h, stride};
  }
};

/// Interleaved 8-bit RGB, three bytes a pixel; `stride` is in bytes (>= 3 * width).
template <class Byte>
struct BasicRgbView {
  Byte* data = nullptr;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t stride = 0;

  constexpr BasicRgbView() = default;
  constexpr BasicRgbView(Byte* data_, std::int64_t width_, std::int64_t height_,
                         std::int64_t stride_)
      : data(data_), width(width_), height(height_), stride(stride_) {}
  /// A view of const.
  // NOLINTBEGIN(google-explicit-constructor)
  template <class U>
  requires(!std::is_same_v<Byte, U> &&
           std::is_same_v<Byte, const U>) constexpr BasicRgbView(const BasicRgbView<U>& o)
      : BasicRgbView(o.data, o.width, o.height, o.stride) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] constexpr Byte* row(std::int64_t y) const { return data + y * stride; }
  [[nodiscard]] constexpr Byte* pixel(std::int64_t x, std::int64_t y) const {
    return row(y) + 3 * x;
  }
  [[nodiscard]] constexpr std::int64_t pixels() const { return width * height; }
  [[nodiscard]] constexpr bool empty() const { return width == 0 || height == 0; }
  [[nodiscard]] constexpr BasicRgbView window(std::int64_t x, std::int64_t y, std::int64_t w,
                                              std::int64_t h) const {
    return {data + y * stride + 3 * x, w, h, stride};
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
  bool operator==(const Rect&) const = default;
};

}  // namespace tilepool
