#include <algorithm>
#include <system_error>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/run/layout.h"
#include "common/run/patch_files.h"
#include "export/export_job.h"
#include "export/out_file.h"

namespace tilepool {
namespace {

/// Bytes of pixels in memory at once.
constexpr std::uint64_t kBlockBytes = std::uint64_t{16} << 20;

/// From /patches/pixels.
void write_from_results(const ExportJob& job, const ResultsSlide& slide,
                        const std::filesystem::path& path) {
  const std::int64_t size = job.results.patches().size_px;
  const std::uint64_t bytes = checked_cast<std::uint64_t>(checked_mul(3 * size, size));
  const h5::Dataset pixels = job.results.column("patches/pixels");
  const std::uint64_t at_once = std::max<std::uint64_t>(1, kBlockBytes / bytes);
  const auto n = static_cast<std::uint64_t>(slide.n_patches);
  OutFile file(path, OutFile::Form::kPlain);
  file.write(npy_header(n, size));
  std::vector<std::uint8_t> block;
  for (std::uint64_t first = 0; first < n; first += at_once) {
    const std::uint64_t rows = std::min(at_once, n - first);
    block.resize(rows * bytes);
    pixels.read(slide.patch_first + first, std::span<std::uint8_t>(block));
    file.write({reinterpret_cast<const char*>(block.data()), block.size()});
    job.watch.advance(rows);
  }
  file.close();
}

}  // namespace

std::uint64_t write_npy(const ExportJob& job, const ResultsSlide& slide,
                        const std::filesystem::path& path) {
  const std::filesystem::path array = RunLayout(job.run_dir).patch_array(slide.id);
  if (job.results.has_pixels()) {
    write_from_results(job, slide, path);
  } else {
    check(std::filesystem::exists(array), ErrorCode::kNoInput,
          "--format npy: this run kept no pixels of patches; run it with task.kind \"patches\" and "
          "patches.pixels \"npy\" or \"results\"");
    std::error_code problem;
    std::filesystem::copy_file(array, path, problem);
    check(!problem, ErrorCode::kIo, "cannot write {}: {}", path.string(), problem.message());
    job.watch.advance(static_cast<std::uint64_t>(slide.n_patches));
  }
  return static_cast<std::uint64_t>(slide.n_patches);
}

}  // namespace tilepool
