#pragma once

#include <string_view>
#include <utility>

#include <hdf5.h>

#include "common/hdf5/error.h"

namespace tilepool::h5 {

/// The one owner of an HDF5 identifier. Move-only. The destructor closes and never throws; a
/// failing close on the success path is found by close().
template <herr_t (*Close)(hid_t)>
class Owner {
 public:
  Owner() = default;
  /// Takes over `id`; a negative one throws with `what` and HDF5's error stack.
  Owner(hid_t id, std::string_view what) : id_(checked_id(id, what)) {}
  ~Owner() { reset(); }
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;
  Owner(Owner&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Owner& operator=(Owner&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }

  [[nodiscard]] hid_t id() const noexcept { return id_; }
  [[nodiscard]] bool valid() const noexcept { return id_ >= 0; }
  /// Closes and throws when HDF5 could not.
  void close(std::string_view what) {
    if (valid()) checked(Close(std::exchange(id_, H5I_INVALID_HID)), what);
  }
  /// Gives the identifier up without closing it.
  hid_t release() noexcept { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  void reset() noexcept {
    if (valid()) Close(std::exchange(id_, H5I_INVALID_HID));
  }
  hid_t id_ = H5I_INVALID_HID;
};

using Space = Owner<&H5Sclose>;
using Type = Owner<&H5Tclose>;
using Plist = Owner<&H5Pclose>;
using Attribute = Owner<&H5Aclose>;
using FileId = Owner<&H5Fclose>;
using GroupId = Owner<&H5Gclose>;
using DatasetId = Owner<&H5Dclose>;

}  // namespace tilepool::h5
