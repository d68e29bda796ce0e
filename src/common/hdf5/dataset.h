#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/hdf5/object.h"

namespace tilepool::h5 {

/// Whether a transfer is done by one rank for itself or by all ranks of a parallel file together.
/// COLLECTIVE transfers must be called by every rank the same number of times; ranks that have
/// nothing to say pass an empty span. Compressed datasets of a parallel file take no other.
enum class Transfer { kIndependent, kCollective };

enum class FilterKind { kNone, kGzip, kLz4 };

/// How chunks are compressed. Numbers of more than one byte are byte-shuffled first.
struct Filter {
  FilterKind kind = FilterKind::kNone;
  int level = 1;  ///< gzip only, 1..9
};

/// How a new dataset lies in the file.
struct Layout {
  std::vector<std::uint64_t> chunk;  ///< one size an axis, each >= 1; empty: contiguous
  bool extendible = false;           ///< the first axis may grow (needs chunks)
  Filter filter;                     ///< needs chunks
  bool fill = true;  ///< false: space is not zeroed first; for what is written whole, unfiltered
};

/// A chunked layout for `rows` values in one dimension: chunks of at most `chunk_rows` and no
/// larger than the data; contiguous when there is no data at all.
[[nodiscard]] Layout column_layout(std::uint64_t rows, std::uint64_t chunk_rows,
                                   const Filter& filter);

/// An open dataset. "Rows" are indices of the first axis; a row holds all the other axes.
class Dataset : public Object {
 public:
  Dataset(DatasetId dataset, std::string where);

  [[nodiscard]] const std::vector<std::uint64_t>& dims() const { return dims_; }
  [[nodiscard]] std::uint64_t rows() const { return dims_.empty() ? 1 : dims_[0]; }
  /// Elements in one row.
  [[nodiscard]] std::uint64_t row_size() const;
  /// Size of the chunks, empty when contiguous.
  [[nodiscard]] std::vector<std::uint64_t> chunk() const;

  /// Rows [first, first + values.size() / row_size()). Throws when they do not exist.
  template <Element T>
  void write(std::uint64_t first, std::span<const T> values,
             Transfer transfer = Transfer::kIndependent) {
    transfer_rows(first, values.size(), memory_type<T>(), values.data(), nullptr, transfer);
  }
  template <Element T>
  void read(std::uint64_t first, std::span<T> values) const {
    transfer_rows(first, values.size(), memory_type<T>(), nullptr, values.data(),
                  Transfer::kIndependent);
  }
  /// The box [start, start + count) of as many axes as the dataset has.
  template <Element T>
  void write_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> count,
                 std::span<const T> values, Transfer transfer = Transfer::kIndependent) {
    transfer_box(start, count, values.size(), memory_type<T>(), values.data(), nullptr, transfer);
  }
  template <Element T>
  void read_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> count,
                std::span<T> values) const {
    transfer_box(start, count, values.size(), memory_type<T>(), nullptr, values.data(),
                 Transfer::kIndependent);
  }

  /// Stores a chunk that was compressed already as the dataset's filter does it (gzip_chunk); its
  /// first element lies at `start`. Independent, and never in a parallel file.
  void write_chunk(std::span<const std::uint64_t> start, std::span<const std::byte> bytes);

  /// One-dimensional fixed-length text; longer texts are refused.
  void write_texts(std::uint64_t first, std::span<const std::string> texts,
                   Transfer transfer = Transfer::kIndependent);
  [[nodiscard]] std::vector<std::string> read_texts(std::uint64_t first, std::uint64_t count) const;
  /// Bytes of one text in the file, padding included.
  [[nodiscard]] std::size_t text_bytes() const;
  /// Raw padded bytes of texts [first, first + out.size() / text_bytes()).
  void read_text_bytes(std::uint64_t first, std::span<char> out) const;

  /// Throws Error(kHdf5) when it claims more values than its bytes in the file can hold, however
  /// well they are compressed: what is damaged must not ask for any amount of memory or time.
  void check_plausible() const;

  /// New length of the first axis (extendible datasets).
  void resize(std::uint64_t rows);
  /// Closes and throws when HDF5 could not.
  void close();

 private:
  void transfer_rows(std::uint64_t first, std::uint64_t n_values, hid_t memory_type,
                     const void* source, void* target, Transfer transfer) const;
  void transfer_box(std::span<const std::uint64_t> start, std::span<const std::uint64_t> count,
                    std::uint64_t n_values, hid_t memory_type, const void* source, void* target,
                    Transfer transfer) const;
  DatasetId dataset_;
  std::vector<std::uint64_t> dims_;
};

}  // namespace tilepool::h5
