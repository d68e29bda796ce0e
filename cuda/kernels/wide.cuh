#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/image_view.h"

namespace tilepool::gpu {

/// A value of 4, 8 or 16 bytes as one access; `at` must be a multiple of its size.
template <class Wide, class T>
__device__ __forceinline__ Wide load_wide(const T* at) {
  return *reinterpret_cast<const Wide*>(at);
}
template <class Wide, class T>
__device__ __forceinline__ void store_wide(T* at, const Wide& value) {
  *reinterpret_cast<Wide*>(at) = value;
}

/// Whether every row begins at a multiple of `bytes`.
inline bool rows_begin_at(const void* data, std::int64_t stride_bytes, std::int64_t height,
                          std::int64_t bytes) {
  return reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(bytes) == 0 &&
         (height <= 1 || stride_bytes % bytes == 0);
}
template <class T>
bool rows_begin_at(ImageView<T> plane, std::int64_t bytes) {
  return rows_begin_at(plane.data, plane.stride * static_cast<std::int64_t>(sizeof(T)),
                       plane.height, bytes);
}
inline bool rows_begin_at(ConstRgbView rgb, std::int64_t bytes) {
  return rows_begin_at(rgb.data, rgb.stride, rgb.height, bytes);
}

}  // namespace tilepool::gpu
