#include "common/run/scan_file.h"

#include <algorithm>
#include <span>

#include "common/base/checked.h"
#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/hdf5/gzip_chunk.h"
#include "common/run/atomic_file.h"
#include "common/run/format_check.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

constexpr char kFormat[] = "tilepool-scan";
constexpr std::uint64_t kChunkEdge = 512;
constexpr std::string_view kRemedy =
    "; delete it and plan.h5 and run the same command again: what is committed is kept";

void write_info(h5::File& file, const SlideScan& scan) {
  h5::Group group = h5::Group::create(file, "info");
  group.set_text("vendor", scan.info.vendor);
  group.set_text("reader", scan.info.reader);
  group.set("width", scan.info.width);
  group.set("height", scan.info.height);
  group.set("mpp_x", scan.info.mpp_x);
  group.set("mpp_y", scan.info.mpp_y);
  group.set_text("mpp_source", scan.info.mpp_source);
  group.set_text("mpp_problem", scan.info.mpp_problem);
  group.set_text("fingerprint", scan.info.fingerprint);
  std::vector<std::int64_t> widths, heights;
  std::vector<double> downsamples;
  for (const LevelInfo& level : scan.info.levels) {
    widths.push_back(level.width);
    heights.push_back(level.height);
    downsamples.push_back(level.downsample);
  }
  file.write_column<std::int64_t>("levels/width", widths);
  file.write_column<std::int64_t>("levels/height", heights);
  file.write_column<double>("levels/downsample", downsamples);
}

SlideInfo read_info(const h5::File& file) {
  const h5::Group group = h5::Group::open(file, "info");
  SlideInfo info;
  info.vendor = group.text("vendor");
  info.reader = group.text("reader");
  info.width = group.get<std::int64_t>("width");
  info.height = group.get<std::int64_t>("height");
  info.mpp_x = group.get<double>("mpp_x");
  info.mpp_y = group.get<double>("mpp_y");
  info.mpp_source = group.text("mpp_source");
  info.mpp_problem = group.text("mpp_problem");
  info.fingerprint = group.text("fingerprint");
  const auto widths = file.read_column<std::int64_t>("levels/width");
  const auto heights = file.read_column<std::int64_t>("levels/height");
  const auto downsamples = file.read_column<double>("levels/downsample");
  check(widths.size() == heights.size() && widths.size() == downsamples.size(), ErrorCode::kHdf5,
        "{}: /levels columns differ in length", file.where());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    info.levels.push_back({widths[i], heights[i], downsamples[i]});
  }
  return info;
}

void write_grid(h5::File& file, const SlideScan& scan) {
  h5::Group group = h5::Group::create(file, "grid");
  group.set("slide_width", scan.grid.slide_width);
  group.set("slide_height", scan.grid.slide_height);
  group.set("size_px", scan.grid.size_px);
  group.set("core_px", scan.grid.core_px);
  group.set("halo_px", scan.grid.halo_px);
  const std::uint64_t n = scan.tissue_fraction.size();
  file.write_column<float>("grid/tissue_fraction", scan.tissue_fraction,
                           h5::column_layout(n, 65536, {h5::FilterKind::kGzip, 1}));
}

void read_grid(const h5::File& file, SlideScan& scan) {
  const h5::Group group = h5::Group::open(file, "grid");
  scan.grid.slide_width = group.get<std::int64_t>("slide_width");
  scan.grid.slide_height = group.get<std::int64_t>("slide_height");
  scan.grid.size_px = group.get<std::int64_t>("size_px");
  scan.grid.core_px = group.get<std::int64_t>("core_px");
  scan.grid.halo_px = group.get<std::int64_t>("halo_px");
  // Counts of tiles and pixels of what a damaged file claims must not overflow.
  constexpr std::int64_t kLargest = std::int64_t{1} << 31;
  for (const std::int64_t px : {scan.grid.slide_width, scan.grid.slide_height, scan.grid.size_px,
                                scan.grid.core_px, scan.grid.halo_px})
    check(px >= 0 && px < kLargest, ErrorCode::kHdf5, "{}: the grid claims {} pixels", file.where(),
          px);
  scan.tissue_fraction = file.read_column<float>("grid/tissue_fraction");
  const bool gridded = scan.grid.core_px > 0;
  check(scan.failed || (gridded && checked_cast<std::size_t>(scan.grid.tiles()) ==
                                       scan.tissue_fraction.size()),
        ErrorCode::kHdf5, "{}: {} tissue fractions do not fit the grid", file.where(),
        scan.tissue_fraction.size());
}

constexpr int kGzipLevel = 1;

/// How an image of the map is cut: [height][width] or [height][width][channels].
struct ImageShape {
  ImageShape(const TissueMap& map, std::uint64_t n_channels)
      : height(checked_cast<std::uint64_t>(map.height)),
        width(checked_cast<std::uint64_t>(map.width)),
        channels(n_channels),
        chunk_rows(std::min(height, kChunkEdge)),
        chunk_columns(std::min(width, kChunkEdge)) {}
  std::uint64_t height, width, channels;
  std::uint64_t chunk_rows, chunk_columns;

  /// Calls visit(y, x) for the first pixel of each chunk.
  template <class Visit>
  void each_chunk(const Visit& visit) const {
    for (std::uint64_t y = 0; y < height; y += chunk_rows)
      for (std::uint64_t x = 0; x < width; x += chunk_columns) visit(y, x);
  }
};

template <class T>
PackedImage pack_image(const ImageShape& shape, const Buffer<T>& pixels, Budget& budget) {
  PackedImage packed;
  if (pixels.size() == 0) return packed;
  const std::uint64_t chunk_row = shape.chunk_columns * shape.channels;
  std::vector<T> chunk(shape.chunk_rows * chunk_row);
  shape.each_chunk([&](std::uint64_t y, std::uint64_t x) {
    const std::uint64_t rows = std::min(shape.chunk_rows, shape.height - y);
    const std::uint64_t values = std::min(shape.chunk_columns, shape.width - x) * shape.channels;
    std::fill(chunk.begin(), chunk.end(), T{});  // what sticks out of the image
    for (std::uint64_t row = 0; row < rows; ++row)
      std::copy_n(pixels.data() + ((y + row) * shape.width + x) * shape.channels, values,
                  chunk.data() + row * chunk_row);
    const std::vector<std::byte> bytes =
        h5::gzip_chunk(std::as_bytes(std::span<const T>(chunk)), sizeof(T), kGzipLevel);
    packed.chunks.emplace_back(budget, bytes.size(), "a slide's scan, compressed");
    std::copy(bytes.begin(), bytes.end(), packed.chunks.back().data());
  });
  return packed;
}

template <class T>
void write_image(h5::File& file, const std::string& path, const ImageShape& shape,
                 const PackedImage& image) {
  if (image.chunks.empty()) return;
  std::vector<std::uint64_t> dims = {shape.height, shape.width};
  h5::Layout layout;
  layout.chunk = {shape.chunk_rows, shape.chunk_columns};
  layout.filter = {h5::FilterKind::kGzip, kGzipLevel};
  std::vector<std::uint64_t> start(2, 0);
  if (shape.channels > 1) {
    dims.push_back(shape.channels);
    layout.chunk.push_back(shape.channels);
    start.push_back(0);
  }
  h5::Dataset dataset = file.create_dataset<T>(path, dims, layout);
  std::size_t next = 0;
  shape.each_chunk([&](std::uint64_t y, std::uint64_t x) {
    start[0] = y;
    start[1] = x;
    dataset.write_chunk(start, image.chunks.at(next++).span());
  });
}

template <class T>
Buffer<T> read_plane(const h5::File& file, const std::string& path, const TissueMap& map,
                     std::uint64_t channels, Budget& budget) {
  if (!file.exists(path)) return {};
  const h5::Dataset dataset = file.open_dataset(path);
  std::vector<std::uint64_t> expected = {checked_cast<std::uint64_t>(map.height),
                                         checked_cast<std::uint64_t>(map.width)};
  if (channels > 1) expected.push_back(channels);
  check(dataset.dims() == expected, ErrorCode::kHdf5, "{}: its size is not that of the map",
        dataset.where());
  Buffer<T> pixels(budget, dataset.rows() * dataset.row_size(), dataset.where());
  const std::uint64_t row = dataset.row_size();
  for (std::uint64_t y = 0; y < dataset.rows(); y += kChunkEdge) {
    const std::uint64_t rows = std::min(kChunkEdge, dataset.rows() - y);
    dataset.read(y, pixels.span().subspan(y * row, rows * row));
  }
  return pixels;
}

}  // namespace

PackedImages pack_images(const TissueMap& map, Budget& budget) {
  return {pack_image(ImageShape(map, 3), map.rgb, budget),
          pack_image(ImageShape(map, 1), map.mask, budget),
          pack_image(ImageShape(map, 1), map.variance, budget)};
}

std::size_t packed_images_bytes(std::int64_t width, std::int64_t height, bool variance) {
  constexpr auto kEdge = static_cast<std::int64_t>(kChunkEdge);
  const auto chunks = static_cast<std::size_t>(ceil_div(width, kEdge) * ceil_div(height, kEdge));
  constexpr std::size_t kChunkPixels = kChunkEdge * kChunkEdge;
  // zlib's compressBound is below a thousandth and 4 KiB more; a Buffer has whole pages.
  const auto most = [](std::size_t bytes) { return bytes + bytes / 1000 + 8192; };
  return chunks *
         (most(3 * kChunkPixels) + most(kChunkPixels) + (variance ? most(2 * kChunkPixels) : 0));
}

void write_scan(const std::filesystem::path& path, const SlideScan& scan,
                const PackedImages& images) {
  AtomicFile target(path);
  h5::File file = h5::File::create(target.temp());
  set_format(file, kFormat, 1);
  file.set_text("slide_id", scan.slide_id);
  file.set_text("path", scan.path);
  file.set<std::uint8_t>("failed", scan.failed ? 1 : 0);
  file.set_text("reason", scan.reason);
  file.set_text("notes", scan.notes);
  file.set_text("annotations", scan.annotations_print);
  file.set("modality", static_cast<std::uint8_t>(scan.modality));
  write_info(file, scan);
  write_grid(file, scan);
  {
    h5::Group tissue = h5::Group::create(file, "tissue");
    tissue.set("downsample", scan.tissue.downsample);
    tissue.set("width", scan.tissue.width);
    tissue.set("height", scan.tissue.height);
  }
  write_image<std::uint8_t>(file, "tissue/rgb", ImageShape(scan.tissue, 3), images.rgb);
  write_image<std::uint8_t>(file, "tissue/mask", ImageShape(scan.tissue, 1), images.mask);
  write_image<std::uint16_t>(file, "tissue/variance", ImageShape(scan.tissue, 1), images.variance);
  file.close();
  seal(target.temp());
  target.commit();
}

SlideScan read_scan(const std::filesystem::path& path, const ScanParts& parts, Budget& budget) {
  const h5::File file = open_sealed(path, kRemedy);
  check_format(file, kFormat, 1);
  SlideScan scan;
  scan.slide_id = file.text("slide_id");
  scan.path = file.text("path");
  scan.failed = file.get<std::uint8_t>("failed") != 0;
  scan.reason = file.text("reason");
  scan.notes = file.text("notes");
  // Files of earlier versions, which knew no annotations, have none.
  if (file.has_attribute("annotations")) scan.annotations_print = file.text("annotations");
  scan.modality = static_cast<Modality>(file.get<std::uint8_t>("modality"));
  scan.info = read_info(file);
  read_grid(file, scan);
  {
    const h5::Group tissue = h5::Group::open(file, "tissue");
    scan.tissue.downsample = tissue.get<double>("downsample");
    scan.tissue.width = tissue.get<std::int64_t>("width");
    scan.tissue.height = tissue.get<std::int64_t>("height");
  }
  if (parts.rgb) {
    scan.tissue.rgb = read_plane<std::uint8_t>(file, "tissue/rgb", scan.tissue, 3, budget);
  }
  if (parts.mask) {
    scan.tissue.mask = read_plane<std::uint8_t>(file, "tissue/mask", scan.tissue, 1, budget);
  }
  if (parts.variance) {
    scan.tissue.variance =
        read_plane<std::uint16_t>(file, "tissue/variance", scan.tissue, 1, budget);
  }
  return scan;
}

}  // namespace tilepool
