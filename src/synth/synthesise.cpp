#include "synth/synthesise.h"

#include <cmath>
#include <fstream>
#include <numbers>
#include <system_error>

#include "common/base/error.h"
#include "synth/paint.h"
#include "synth/pyramid_writer.h"

namespace tilepool {

namespace fs = std::filesystem;

void synthesise_slide(const fs::path& path, const SynthOptions& options, SynthTruth* truth) {
  const Scene scene(options);
  fs::path part = path;
  part += ".part";
  {
    std::vector<Painter> painters(static_cast<std::size_t>(options.threads),
                                  Painter(scene, options.tile_px));
    PyramidWriter writer(part, {options.width, options.height, options.mpp_um, options.tile_px,
                                options.jpeg, options.jpeg_quality, options.threads});
    writer.write([&](int thread, std::int64_t x, std::int64_t y, RgbView out) {
      painters[static_cast<std::size_t>(thread)].paint(x, y, out);
    });
  }
  std::error_code error;
  fs::rename(part, path, error);
  check(!error, ErrorCode::kIo, "cannot rename {} to {}: {}", part.string(), path.string(),
        error.message());
  if (truth != nullptr) truth->cells = scene.all_cells();
}

void write_truth_csv(const fs::path& path, const SynthTruth& truth) {
  std::ofstream file(path);
  file << "kind,x,y,semi_major,semi_minor,angle\n";
  for (const SynthCell& cell : truth.cells) {
    const double angle = std::atan2(cell.axis_y, cell.axis_x) * 180 / std::numbers::pi;
    file << fmt::format("{},{:.3f},{:.3f},{:.3f},{:.3f},{:.2f}\n",
                        cell.kind == SynthKind::kNucleus ? "nucleus" : "megakaryocyte", cell.x,
                        cell.y, cell.semi_major, cell.semi_minor, angle);
  }
  file.flush();
  check(file.good(), ErrorCode::kIo, "cannot write {}", path.string());
}

std::vector<fs::path> synthesise_cohort(const fs::path& folder, int n_slides, std::int64_t size_px,
                                        std::uint32_t seed, int threads) {
  check(n_slides >= 1 && n_slides <= 999, ErrorCode::kUsage, "{} slides: not in 1..999", n_slides);
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, ErrorCode::kIo, "cannot create {}: {}", folder.string(), error.message());
  std::vector<fs::path> slides;
  for (int i = 0; i < n_slides; ++i) {
    SynthOptions options;
    options.width = options.height = size_px;
    options.seed = seed + static_cast<std::uint32_t>(i);
    options.pieces = 1 + i % 3;
    options.megakaryocytes = i % 3 == 0;
    options.threads = threads;
    const fs::path slide = folder / fmt::format("synth-{:03}.tif", i + 1);
    SynthTruth truth;
    synthesise_slide(slide, options, &truth);
    write_truth_csv(folder / fmt::format("synth-{:03}.truth.csv", i + 1), truth);
    slides.push_back(slide);
  }
  return slides;
}

}  // namespace tilepool
