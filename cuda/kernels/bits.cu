#include "cuda/kernels/bits.cuh"

namespace tilepool::gpu {
namespace {

constexpr int kWordsAThread = 4;  ///< loads under way at once, where a warp takes a word

/// The bits of the 16 bytes at `group`, of which only [row, end) may be read.
__device__ std::uint32_t read_group(const std::uint8_t* group, const std::uint8_t* row,
                                    const std::uint8_t* end) {
  if (group >= row && group + 16 <= end) return bits_of(*reinterpret_cast<const uint4*>(group));
  std::uint32_t bits = 0;
  for (int i = 0; i < 16; ++i) {
    if (group + i >= row && group + i < end) {
      bits |= static_cast<std::uint32_t>(group[i] & 1U) << i;
    }
  }
  return bits;
}

__global__ void pack_mask_kernel(ImageView<const std::uint8_t> mask, bool opposite, BitPlane bits) {
  const std::int64_t i = element();
  if (i >= bits.count()) return;
  const std::int64_t y = i / bits.row_words();
  const std::int64_t w = i - y * bits.row_words();
  const std::uint8_t* const row = mask.row(y);
  const std::uint8_t* const end = row + mask.width;
  const std::int64_t past = past_group(row);
  const std::uint8_t* const group = row + 32 * w - past;
  const std::uint32_t low = read_group(group, row, end) | read_group(group + 16, row, end) << 16;
  const std::uint32_t high = past == 0 ? 0 : read_group(group + 32, row, end);
  const std::uint32_t word = __funnelshift_r(low, high, static_cast<unsigned>(past));
  bits.words[i] = opposite ? ~word & bits.columns(w) : word;
}

constexpr int kUnpackWords = 8;  ///< of a row, for each of the eight warps of a block

__global__ void unpack_mask_kernel(BitPlane bits, ImageView<std::uint8_t> mask) {
  __shared__ std::uint32_t words[8][kUnpackWords + 1];
  const int lane = static_cast<int>(threadIdx.x % 32);
  const unsigned warp = threadIdx.x / 32;
  const std::int64_t parts = (bits.row_words() + kUnpackWords - 1) / kUnpackWords;
  const std::int64_t part = element() / 32;
  const std::int64_t y = part / parts;
  const std::int64_t w = (part - y * parts) * kUnpackWords;
  if (lane <= kUnpackWords) words[warp][lane] = bits.word(w + lane, y);
  __syncwarp();
  if (y >= bits.height) return;
  write_bytes(words[warp], mask.row(y), 32 * w, min(32 * (w + kUnpackWords), bits.width), lane, 32);
}

__global__ void pack_labelled_kernel(ImageView<const std::int32_t> labels, BitPlane bits) {
  const auto lane = static_cast<std::int64_t>(threadIdx.x % 32);
  const std::int64_t first = element() / 32 * kWordsAThread;
  bool labelled[kWordsAThread];
  for (int k = 0; k < kWordsAThread; ++k) {
    const std::int64_t y = (first + k) / bits.row_words();
    const std::int64_t x = (first + k - y * bits.row_words()) * 32 + lane;
    labelled[k] = y < bits.height && x < bits.width && labels.at(x, y) != 0;
  }
  for (int k = 0; k < kWordsAThread; ++k) {
    const unsigned word = __ballot_sync(0xFFFFFFFFU, labelled[k] ? 1 : 0);
    if (lane == k && first + k < bits.count()) bits.words[first + k] = word;
  }
}

}  // namespace

std::size_t bits_bytes(std::int64_t width, std::int64_t height) {
  return arena_bytes(static_cast<std::size_t>((width + 31) / 32 * height) * 4);
}

BitPlane take_bits(Queue& queue, std::int64_t width, std::int64_t height) {
  const auto count = static_cast<std::size_t>((width + 31) / 32 * height);
  return {queue.scratch().take<std::uint32_t>(count).data(), width, height};
}

void pack_mask(Queue& queue, ImageView<const std::uint8_t> mask, bool opposite, BitPlane bits) {
  launch_over(queue, "pack_mask", pack_mask_kernel, bits.count(), mask, opposite, bits);
}

void unpack_mask(Queue& queue, BitPlane bits, ImageView<std::uint8_t> mask) {
  const std::int64_t parts = (bits.row_words() + kUnpackWords - 1) / kUnpackWords * bits.height;
  launch_over(queue, "unpack_mask", unpack_mask_kernel, 32 * parts, bits, mask);
}

void pack_labelled(Queue& queue, ImageView<const std::int32_t> labels, BitPlane bits) {
  const std::int64_t warps = (bits.count() + kWordsAThread - 1) / kWordsAThread;
  launch_over(queue, "pack_labelled", pack_labelled_kernel, 32 * warps, labels, bits);
}

}  // namespace tilepool::gpu
