#include <algorithm>
#include <cstring>
#include <random>

#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/hdf5/lz4_filter.h"
#include "support/run_python.h"

namespace tilepool::h5 {
namespace {

using tilepool::testing::TempFolder;

constexpr std::size_t kChunk = 4096;

/// Smooth numbers compress; random ones do not and are stored raw.
std::vector<std::uint64_t> smooth(std::size_t n) {
  std::vector<std::uint64_t> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = i / 7;
  return values;
}
std::vector<std::uint64_t> noise(std::size_t n) {
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> values(n);
  for (auto& value : values) value = random();
  return values;
}

/// The filter as HDF5 calls it, on a copy of `input`.
std::vector<char> filtered(unsigned flags, std::span<const char> input, unsigned block) {
  std::size_t capacity = std::max<std::size_t>(1, input.size());
  void* buffer = H5allocate_memory(capacity, false);
  if (!input.empty()) std::memcpy(buffer, input.data(), input.size());
  const std::size_t used =
      lz4_filter(flags, block > 0 ? 1 : 0, &block, input.size(), &capacity, &buffer);
  EXPECT_LE(used, capacity);
  const auto* bytes = static_cast<const char*>(buffer);
  std::vector<char> output(bytes, bytes + used);
  H5free_memory(buffer);
  return output;
}

TEST(Lz4Filter, FilesComeBack) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  constexpr std::size_t kRows = 3 * kChunk + 17;
  const Layout layout = column_layout(kRows, kChunk, {FilterKind::kLz4, 1});
  {
    File file = File::create(path);
    file.write_column<std::uint64_t>("smooth", smooth(kRows), layout);
    file.write_column<std::uint64_t>("noise", noise(kRows), layout);
    file.close();
  }
  const File file = File::open(path);
  EXPECT_EQ(file.read_column<std::uint64_t>("smooth"), smooth(kRows));
  EXPECT_EQ(file.read_column<std::uint64_t>("noise"), noise(kRows));
  EXPECT_LT(H5Dget_storage_size(file.open_dataset("smooth").id()), kRows * 4);
  EXPECT_GE(H5Dget_storage_size(file.open_dataset("noise").id()), kRows * 8);
}

TEST(Lz4Filter, BlocksOfEverySizeComeBack) {
  const std::vector<std::uint64_t> data = smooth(1000);
  const std::span<const char> all(reinterpret_cast<const char*>(data.data()), 8000);
  for (const std::size_t bytes : {1u, 2u, 12u, 13u, 64u, 65u, 127u, 4096u, 8000u}) {
    for (const unsigned block : {0u, 1u, 13u, 64u, 4096u, 100000u}) {
      const auto input = all.first(bytes);
      const std::vector<char> packed = filtered(0, input, block);
      ASSERT_FALSE(packed.empty());
      const std::vector<char> back = filtered(H5Z_FLAG_REVERSE, packed, block);
      EXPECT_TRUE(std::ranges::equal(back, input)) << bytes << " bytes in blocks of " << block;
    }
  }
}

TEST(Lz4Filter, LayoutIsThatOfThePlugin) {
  const std::string twelve = "abcdefghijkl";
  const std::vector<char> packed = filtered(0, twelve, 8);
  // 12 bytes in blocks of 8: both too short to compress, so both raw: 8 and 4 bytes.
  const std::string expected("\0\0\0\0\0\0\0\14\0\0\0\10\0\0\0\10abcdefgh\0\0\0\4ijkl", 32);
  EXPECT_EQ(std::string(packed.begin(), packed.end()), expected);
}

TEST(Lz4Filter, DamagedInputIsRefused) {
  const std::vector<std::uint64_t> data = smooth(1000);
  const std::span<const char> input(reinterpret_cast<const char*>(data.data()), 8000);
  const std::vector<char> packed = filtered(0, input, 1024);
  for (std::size_t cut = 0; cut < packed.size(); ++cut) {
    EXPECT_TRUE(filtered(H5Z_FLAG_REVERSE, std::span(packed).first(cut), 0).empty()) << cut;
  }
  std::mt19937 random(5);
  for (int round = 0; round < 2000; ++round) {  // must neither crash nor read beyond its input
    std::vector<char> damaged = packed;
    damaged[random() % damaged.size()] ^= static_cast<char>(1u << (random() % 8));
    EXPECT_LE(filtered(H5Z_FLAG_REVERSE, damaged, 0).size(), packed.size() * 256);
  }
}

/// Decodes chunk by chunk with python3-lz4, from the description of the format alone.
TEST(Lz4Filter, IndependentDecoderAgrees) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  constexpr std::size_t kRows = 2 * kChunk + 17;
  const Layout layout = column_layout(kRows, kChunk, {FilterKind::kLz4, 1});
  File file = File::create(path);
  file.write_column<std::uint64_t>("smooth", smooth(kRows), layout);
  file.write_column<std::uint64_t>("noise", noise(kRows), layout);
  file.write_column<std::uint64_t>("plain", noise(kRows));
  file.close();
  TILEPOOL_EXPECT_PYTHON(R"(
import struct, sys
try:
    import h5py, numpy as np, lz4.block
except ImportError:
    sys.exit(77)
def decode(raw):
    total, block = struct.unpack('>QI', raw[:12])
    at, out = 12, b''
    while len(out) < total:
        size = min(block, total - len(out))
        n, = struct.unpack('>I', raw[at:at + 4])
        part = raw[at + 4:at + 4 + n]
        out += part if n == size else lz4.block.decompress(part, uncompressed_size=size)
        at += 4 + n
    assert at == len(raw)
    return out
f = h5py.File(sys.argv[1], 'r')
want = {'smooth': np.arange(len(f['plain']), dtype='u8') // 7, 'noise': f['plain'][:]}
for name, expected in want.items():
    d = f[name]
    filters = [d.id.get_create_plist().get_filter(i)[0] for i in range(2)]
    assert filters == [2, 32004], filters
    n = d.chunks[0]
    for first in range(0, len(d), n):
        mask, raw = d.id.read_direct_chunk((first,))
        planes = np.frombuffer(decode(raw), 'u1').reshape(8, n)
        got = np.ascontiguousarray(planes.T).view('<u8').ravel()[:len(d) - first]
        assert (got == expected[first:first + n]).all(), (name, first)
)",
                         path.string());
}

/// The public plugin itself, where Debian's hdf5-filter-plugin or hdf5plugin is installed.
TEST(Lz4Filter, PublicPluginReadsIt) {
  const TempFolder folder;
  const auto path = folder.path() / "a.h5";
  File file = File::create(path);
  const Layout layout = column_layout(20000, kChunk, {FilterKind::kLz4, 1});
  file.write_column<std::uint64_t>("smooth", smooth(20000), layout);
  file.write_column<std::uint64_t>("noise", noise(20000), layout);
  file.write_column<std::uint64_t>("plain", noise(20000));
  file.close();
  TILEPOOL_EXPECT_PYTHON(R"(
import sys, h5py, numpy as np
try:
    import hdf5plugin
except ImportError:
    pass
if not h5py.h5z.filter_avail(32004):
    sys.exit(77)
f = h5py.File(sys.argv[1], 'r')
assert (f['smooth'][:] == np.arange(20000) // 7).all()
assert (f['noise'][:] == f['plain'][:]).all()
)",
                         path.string());
}

}  // namespace
}  // namespace tilepool::h5
