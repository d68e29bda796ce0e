#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/hdf5/handle.h"
#include "common/hdf5/types.h"

namespace tilepool::h5 {

/// The attributes of a file, group or dataset; what File, Group and Dataset share. In a parallel
/// file every setter is COLLECTIVE: all ranks, same name, same value.
/// Text is fixed-length UTF-8, NUL-padded; nothing is of variable length.
class Object {
 public:
  [[nodiscard]] hid_t id() const noexcept { return id_; }
  /// "file.h5" or "file.h5:/cells/x", for messages.
  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  [[nodiscard]] bool has_attribute(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> attribute_names() const;

  /// Replaces an attribute of that name.
  void set_text(const std::string& name, std::string_view value);
  template <Element T>
  void set(const std::string& name, T value) {
    set_raw(name, file_type<T>(), memory_type<T>(), &value);
  }
  /// A list of texts as one 1-D attribute, all as wide as the longest.
  void set_texts(const std::string& name, std::span<const std::string> values);

  /// Throws Error(kHdf5) when it is absent or of another kind.
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const;
  template <Element T>
  [[nodiscard]] T get(const std::string& name) const {
    T value{};
    get_raw(name, memory_type<T>(), &value);
    return value;
  }

 protected:
  Object() = default;
  Object(hid_t id, std::string where) : id_(id), where_(std::move(where)) {}
  hid_t id_ = H5I_INVALID_HID;
  std::string where_;

 private:
  void set_raw(const std::string& name, hid_t file_type, hid_t memory_type, const void* value);
  void get_raw(const std::string& name, hid_t memory_type, void* value) const;
  [[nodiscard]] Attribute replace(const std::string& name, hid_t type, const Space& space);
};

/// A fixed-length UTF-8 type of `width` >= 1 bytes, padded with NUL.
[[nodiscard]] Type text_type(std::size_t width);
/// Bytes of the longest text, at least 1 (HDF5 has no type of width 0).
[[nodiscard]] std::size_t text_width(std::span<const std::string> texts);
/// The texts one after the other, each NUL-padded (or cut) to `width` bytes, and back.
[[nodiscard]] std::string pad_texts(std::span<const std::string> texts, std::size_t width);
[[nodiscard]] std::vector<std::string> unpad_texts(std::string_view bytes, std::size_t width);
/// Throws unless `type` is a fixed-length string.
[[nodiscard]] std::size_t fixed_text_width(hid_t type, const std::string& where);

}  // namespace tilepool::h5
