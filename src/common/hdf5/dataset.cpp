#include "common/hdf5/dataset.h"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool::h5 {
namespace {

static_assert(sizeof(hsize_t) == sizeof(std::uint64_t));

std::vector<std::uint64_t> dims_of(hid_t dataset, const std::string& where) {
  const Space space(H5Dget_space(dataset), where);
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) fail_hdf5(where);
  std::vector<hsize_t> dims(static_cast<std::size_t>(rank));
  if (rank > 0) checked(H5Sget_simple_extent_dims(space.id(), dims.data(), nullptr), where);
  return {dims.begin(), dims.end()};
}

Plist transfer_list(Transfer transfer) {
  Plist list(H5Pcreate(H5P_DATASET_XFER), "cannot make an HDF5 transfer list");
  if (transfer == Transfer::kCollective) {
    checked(H5Pset_dxpl_mpio(list.id(), H5FD_MPIO_COLLECTIVE),
            "cannot ask HDF5 for collective transfer");
  }
  return list;
}

std::uint64_t product(std::span<const std::uint64_t> values) {
  return std::accumulate(values.begin(), values.end(), std::uint64_t{1},
                         [](std::uint64_t a, std::uint64_t b) { return checked_mul(a, b); });
}

/// The box inside the dataset's extent, checked; an empty box selects nothing.
Space select(hid_t dataset, std::span<const std::uint64_t> dims,
             std::span<const std::uint64_t> start, std::span<const std::uint64_t> count,
             const std::string& where) {
  check(start.size() == dims.size() && count.size() == dims.size(), ErrorCode::kInternal,
        "{}: a box of {} axes for a dataset of {}", where, start.size(), dims.size());
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    check(start[axis] <= dims[axis] && count[axis] <= dims[axis] - start[axis], ErrorCode::kHdf5,
          "{}: asked for [{}, +{}) on axis {}, but it has only {}", where, start[axis], count[axis],
          axis, dims[axis]);
  }
  Space space(H5Dget_space(dataset), where);
  if (product(count) == 0) {
    checked(H5Sselect_none(space.id()), where);
  } else if (!dims.empty()) {
    const std::vector<hsize_t> first(start.begin(), start.end());
    const std::vector<hsize_t> size(count.begin(), count.end());
    checked(H5Sselect_hyperslab(space.id(), H5S_SELECT_SET, first.data(), nullptr, size.data(),
                                nullptr),
            where);
  }
  return space;
}

}  // namespace

Layout column_layout(std::uint64_t rows, std::uint64_t chunk_rows, const Filter& filter) {
  Layout layout;
  if (rows == 0) return layout;
  layout.chunk = {std::max<std::uint64_t>(1, std::min(rows, chunk_rows))};
  layout.filter = filter;
  return layout;
}

Dataset::Dataset(DatasetId dataset, std::string where)
    : Object(dataset.id(), std::move(where)), dataset_(std::move(dataset)) {
  dims_ = dims_of(id_, where_);
}

std::uint64_t Dataset::row_size() const {
  return dims_.empty() ? 1 : product(std::span(dims_).subspan(1));
}

std::vector<std::uint64_t> Dataset::chunk() const {
  const Plist list(H5Dget_create_plist(id_), where_);
  if (H5Pget_layout(list.id()) != H5D_CHUNKED) return {};
  std::vector<hsize_t> chunk(dims_.size());
  if (H5Pget_chunk(list.id(), static_cast<int>(chunk.size()), chunk.data()) < 0) fail_hdf5(where_);
  return {chunk.begin(), chunk.end()};
}

void Dataset::transfer_rows(std::uint64_t first, std::uint64_t n_values, hid_t memory_type,
                            const void* source, void* target, Transfer transfer) const {
  const std::uint64_t row = row_size();
  check(row > 0 ? n_values % row == 0 : n_values == 0, ErrorCode::kInternal,
        "{}: {} values are not whole rows of {}", where_, n_values, row);
  std::vector<std::uint64_t> start(dims_.size(), 0);
  std::vector<std::uint64_t> count = dims_;
  if (!dims_.empty()) {
    start[0] = first;
    count[0] = row > 0 ? n_values / row : 0;
  }
  transfer_box(start, count, n_values, memory_type, source, target, transfer);
}

void Dataset::transfer_box(std::span<const std::uint64_t> start,
                           std::span<const std::uint64_t> count, std::uint64_t n_values,
                           hid_t memory_type, const void* source, void* target,
                           Transfer transfer) const {
  check(product(count) == n_values, ErrorCode::kInternal,
        "{}: a box of {} holds {} values, but the buffer {}", where_, count, product(count),
        n_values);
  if (product(dims_) == 0) return;  // nothing to say on any rank
  if (n_values == 0 && transfer == Transfer::kIndependent) return;
  const Space file_space = select(id_, dims_, start, count, where_);
  // Of the box's own shape: HDF5 maps selections of unlike shapes element by element.
  std::vector<hsize_t> shape(count.begin(), count.end());
  if (n_values == 0 || shape.empty()) shape = {1};
  const Space memory_space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
                           where_);
  if (n_values == 0) checked(H5Sselect_none(memory_space.id()), where_);
  const Plist list = transfer_list(transfer);
  // HDF5 wants an address even where nothing is selected.
  const std::uint64_t nothing = 0;
  if (target != nullptr) {
    checked(H5Dread(id_, memory_type, memory_space.id(), file_space.id(), list.id(), target),
            where_ + ": cannot read");
  } else {
    checked(H5Dwrite(id_, memory_type, memory_space.id(), file_space.id(), list.id(),
                     source == nullptr ? &nothing : source),
            where_ + ": cannot write");
  }
}

void Dataset::write_chunk(std::span<const std::uint64_t> start, std::span<const std::byte> bytes) {
  const std::vector<hsize_t> at(start.begin(), start.end());
  check(at.size() == dims_.size(), ErrorCode::kInternal, "{}: a chunk at {} axes of {}", where_,
        at.size(), dims_.size());
  checked(H5Dwrite_chunk(id_, H5P_DEFAULT, 0, at.data(), bytes.size(), bytes.data()),
          where_ + ": cannot write a chunk");
}

std::size_t Dataset::text_bytes() const {
  const Type type(H5Dget_type(id_), where_);
  return fixed_text_width(type.id(), where_);
}

void Dataset::write_texts(std::uint64_t first, std::span<const std::string> texts,
                          Transfer transfer) {
  const std::size_t width = text_bytes();
  check(text_width(texts) <= width, ErrorCode::kInternal,
        "{}: a text of {} bytes does not fit its {} bytes", where_, text_width(texts), width);
  const std::string bytes = pad_texts(texts, width);
  const Type type = text_type(width);
  transfer_rows(first, texts.size(), type.id(), bytes.data(), nullptr, transfer);
}

void Dataset::read_text_bytes(std::uint64_t first, std::span<char> out) const {
  const Type type(H5Dget_type(id_), where_);
  const std::size_t width = fixed_text_width(type.id(), where_);
  check(out.size() % width == 0, ErrorCode::kInternal, "{}: {} bytes are not whole texts of {}",
        where_, out.size(), width);
  transfer_rows(first, out.size() / width, type.id(), nullptr, out.data(), Transfer::kIndependent);
}

std::vector<std::string> Dataset::read_texts(std::uint64_t first, std::uint64_t count) const {
  const std::size_t width = text_bytes();
  std::string bytes(checked_mul(checked_cast<std::size_t>(count), width), '\0');
  read_text_bytes(first, bytes);
  return unpad_texts(bytes, width);
}

void Dataset::check_plausible() const {
  if (std::ranges::find(dims_, 0U) != dims_.end()) return;
  constexpr std::uint64_t kMostCompressed = 1032;  // of deflate (zlib, Technical Details); LZ4: 255
  const FileId file(H5Iget_file_id(id_), where_);
  hsize_t file_bytes = 0;
  checked(H5Fget_filesize(file.id(), &file_bytes), where_);
  const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(id_), file_bytes);
  const Type type(H5Dget_type(id_), where_);
  std::uint64_t room = stored * kMostCompressed / H5Tget_size(type.id());
  for (const std::uint64_t size : dims_) room /= size;
  check(room > 0, ErrorCode::kHdf5, "{}: claims {} values, but has {} bytes", where_,
        fmt::join(dims_, " x "), stored);
}

void Dataset::resize(std::uint64_t rows) {
  std::vector<hsize_t> dims(dims_.begin(), dims_.end());
  dims.at(0) = rows;
  checked(H5Dset_extent(id_, dims.data()), fmt::format("{}: cannot grow to {}", where_, rows));
  dims_[0] = rows;
}

void Dataset::close() {
  id_ = H5I_INVALID_HID;
  dataset_.close(where_ + ": cannot close");
}

}  // namespace tilepool::h5
