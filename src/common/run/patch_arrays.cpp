#include "common/run/patch_arrays.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/base/progress.h"
#include "common/run/atomic_file.h"
#include "common/run/patch_files.h"
#include "common/run/tissue_bits.h"

namespace tilepool {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{64} << 20;

int open_raw(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  check(descriptor >= 0, ErrorCode::kIo,
        "cannot read the patches of a committed tile in {}: {}; run again with --fresh to cut them "
        "anew",
        path.string(), std::strerror(errno));
  return descriptor;
}

/// An array in the making; unlinked unless committed.
class ArrayFile {
 public:
  ArrayFile(const std::filesystem::path& path, const std::string& header)
      : file_(path),
        descriptor_(::open(file_.temp().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    check(descriptor_ >= 0, ErrorCode::kIo, "cannot write {}: {}", path.string(),
          std::strerror(errno));
    write_all(descriptor_, header, path);
  }
  ~ArrayFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  ArrayFile(const ArrayFile&) = delete;
  ArrayFile& operator=(const ArrayFile&) = delete;

  /// Appends `bytes` of an open file from `offset` on, by reference where the file system can.
  void append(int source, off_t offset, std::size_t bytes) {
    while (bytes > 0) {
      const ssize_t copied =
          ::copy_file_range(source, &offset, descriptor_, nullptr, std::min(bytes, kCopyBytes), 0);
      check(copied > 0, ErrorCode::kIo, "cannot copy raw patches to {}: {}",
            file_.final_path().string(),
            copied == 0 ? "their file is shorter; run again with --fresh to cut them anew"
                        : std::strerror(errno));
      bytes -= static_cast<std::size_t>(copied);
      note_progress();
    }
  }
  void commit() {
    check(::close(std::exchange(descriptor_, -1)) == 0, ErrorCode::kIo, "cannot write {}: {}",
          file_.final_path().string(), std::strerror(errno));
    file_.commit();
  }

 private:
  AtomicFile file_;
  int descriptor_;
};

/// Gives a file a second name, in place of what has that name. False where the file system cannot.
bool give_second_name(const std::filesystem::path& file, const std::filesystem::path& name) {
  const std::filesystem::path temporary = temporary_path(name);
  if (::link(file.c_str(), temporary.c_str()) != 0) return false;
  commit_file(temporary, name);
  ::unlink(temporary.c_str());  // which is still there when both were one file already
  return true;
}

std::size_t bytes_of_patch(const PackJob& job) {
  const auto size = checked_cast<std::size_t>(job.patches.size_px);
  return 3 * size * size;
}

PatchSlots slots_of(const PackJob& job, const PlanReader& plan, const PlanSlide& slide,
                    std::uint64_t pool_first) {
  const TileGrid grid{slide.width, slide.height, job.tile_px, slide.core_px};
  return {TissueBits(job.layout.scan_file(slide.id)), grid, job.patches,
          plan.pool(pool_first, checked_cast<std::uint64_t>(slide.n_pool))};
}

/// The rows of one slide in the plan's tables.
struct SlideRows {
  std::uint64_t pool_first = 0, sample_first = 0;
};

std::uint64_t count_patches(const PackIndexReader& index, const PlanSlide& slide,
                            const SlideRows& rows) {
  const auto n = checked_cast<std::uint64_t>(slide.n_sample);
  std::uint64_t count = 0;
  for (std::uint64_t at = 0; at < n; at += kIndexBlock) {
    const SampleBlock block = index.block(rows.sample_first + at, std::min(kIndexBlock, n - at));
    for (const std::uint32_t kept : block.n_cells) count += kept;
  }
  return count;
}

void copy_array(const PackJob& job, const PlanReader& plan, const PackIndexReader& index,
                const PlanSlide& slide, const SlideRows& rows, const PatchSlots& slots,
                std::uint64_t count) {
  ArrayFile array(job.layout.patch_array(slide.id), npy_header(count, job.patches.size_px));
  const auto n = checked_cast<std::uint64_t>(slide.n_sample);
  const std::size_t bytes = bytes_of_patch(job);
  const int raw = count > 0 ? open_raw(job.layout.raw_patches(slide.id)) : -1;
  for (std::uint64_t at = 0; at < n && count > 0; at += kIndexBlock) {
    const std::uint64_t first = rows.sample_first + at;
    const SampleBlock block = index.block(first, std::min(kIndexBlock, n - at));
    const std::vector<PoolTile> tiles = plan.sample_tiles(first, block.size());
    for (std::size_t i = 0; i < tiles.size(); ++i)
      array.append(raw, checked_cast<off_t>(kNpyHeaderBytes + slots.first_row(tiles[i]) * bytes),
                   block.n_cells[i] * bytes);
  }
  if (raw >= 0) ::close(raw);
  array.commit();
}

void write_array(const PackJob& job, const PlanReader& plan, const PackIndexReader& index,
                 const PlanSlide& slide, const SlideRows& rows) {
  const PatchSlots slots = slots_of(job, plan, slide, rows.pool_first);
  const std::uint64_t count = count_patches(index, slide, rows);
  // With as many patches as rows no row is empty.
  if (count == slots.rows() && count > 0 &&
      give_second_name(job.layout.raw_patches(slide.id), job.layout.patch_array(slide.id)))
    return;
  copy_array(job, plan, index, slide, rows, slots, count);
}

}  // namespace

PatchSource::PatchSource(const PackJob& job, const std::filesystem::path& index_file)
    : job_(job),
      index_(index_file),
      plan_(job.layout.plan()),
      slides_(plan_.slides()),
      patch_bytes_(bytes_of_patch(job)) {}

PatchSource::~PatchSource() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PatchSource::open(std::uint32_t slide) {
  if (slots_ && open_slide_ == slide) return;
  std::uint64_t pool_first = 0;
  for (std::uint32_t i = 0; i < slide; ++i)
    pool_first += checked_cast<std::uint64_t>(slides_.at(i).n_pool);
  slots_.emplace(slots_of(job_, plan_, slides_.at(slide), pool_first));
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  descriptor_ = open_raw(job_.layout.raw_patches(slides_[slide].id));
  open_slide_ = slide;
}

void PatchSource::read(std::uint64_t first, std::span<std::uint8_t> pixels) {
  std::uint64_t row = first;
  const std::uint64_t end = first + pixels.size() / patch_bytes_;
  for (std::uint64_t entry = end > row ? index_.entry_of("cell_begin", row) : 0; row < end;
       ++entry) {
    const SampleBlock block = index_.block(entry, 1);
    const std::uint64_t here = std::min(end, block.cell_begin[1]);
    if (here <= row) continue;
    const PoolTile tile = plan_.sample_tiles(entry, 1).at(0);
    open(tile.slide);
    const std::uint64_t raw_row = slots_->first_row(tile) + row - block.cell_begin[0];
    const auto bytes = checked_cast<ssize_t>((here - row) * patch_bytes_);
    const ssize_t got = ::pread(descriptor_, pixels.data() + (row - first) * patch_bytes_,
                                static_cast<std::size_t>(bytes),
                                checked_cast<off_t>(kNpyHeaderBytes + raw_row * patch_bytes_));
    check(got == bytes, ErrorCode::kIo, "cannot read {} bytes of the raw patches of slide {}: {}",
          bytes, slides_[tile.slide].id, got < 0 ? std::strerror(errno) : "the file is shorter");
    row = here;
  }
}

void write_patch_arrays(const PackJob& job, const std::filesystem::path& index_file,
                        std::uint64_t rank, std::uint64_t n_ranks) {
  const PlanReader plan(job.layout.plan());
  const PackIndexReader index(index_file);
  SlideRows rows;
  std::uint64_t turn = 0;
  for (const PlanSlide& slide : plan.slides()) {
    if (slide.n_sample > 0 && turn++ % n_ranks == rank) write_array(job, plan, index, slide, rows);
    rows.pool_first += checked_cast<std::uint64_t>(slide.n_pool);
    rows.sample_first += checked_cast<std::uint64_t>(slide.n_sample);
  }
}

}  // namespace tilepool
