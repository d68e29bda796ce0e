#include "common/hdf5/error.h"

#include <charconv>
#include <cstring>
#include <mutex>
#include <vector>

#include "common/base/error.h"
#include "common/hdf5/lz4_filter.h"

namespace tilepool::h5 {
namespace {

herr_t collect(unsigned /*depth*/, const H5E_error2_t* entry, void* out) {
  // HDF5 copies no text: an entry may lack its description, and some hold ctime()'s newline.
  std::string text = entry->desc == nullptr ? "" : entry->desc;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  auto& lines = *static_cast<std::vector<std::string>*>(out);
  if (!text.empty() && (lines.empty() || lines.back() != text)) lines.push_back(std::move(text));
  return 0;
}

/// The number behind the last "errno = " of the stack, 0 when there is none.
int errno_in(const std::vector<std::string>& lines) {
  constexpr std::string_view kMark = "errno = ";
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const std::size_t at = line->find(kMark);
    if (at == std::string::npos) continue;
    int number = 0;
    std::from_chars(line->data() + at + kMark.size(), line->data() + line->size(), number);
    if (number != 0) return number;
  }
  return 0;
}

}  // namespace

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] {
    checked(H5open(), "cannot start the HDF5 library");
    checked(H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr), "cannot silence HDF5");
    register_lz4_filter();
  });
}

void fail_hdf5(std::string_view what) {
  std::vector<std::string> lines;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, &collect, &lines);
  H5Eclear2(H5E_DEFAULT);
  if (const int number = errno_in(lines); number != 0) {
    fail(ErrorCode::kIo, "{}: {} (errno {})", what, errno_text(number), number);
  }
  // The first entries say what was asked, the last one why it failed.
  std::string story;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i >= 2 && i + 2 < lines.size()) continue;
    story += (story.empty() ? "" : "; ") + lines[i];
  }
  fail(ErrorCode::kHdf5, "{}: HDF5 says: {}", what, story.empty() ? "nothing" : story);
}

hid_t checked_id(hid_t id, std::string_view what) {
  if (id < 0) fail_hdf5(what);
  return id;
}

void checked(herr_t status, std::string_view what) {
  if (status < 0) fail_hdf5(what);
}

std::size_t open_objects() {
  const ssize_t count = H5Fget_obj_count(static_cast<hid_t>(H5F_OBJ_ALL), H5F_OBJ_ALL);
  if (count < 0) fail_hdf5("cannot count HDF5 objects");
  return static_cast<std::size_t>(count);
}

}  // namespace tilepool::h5
