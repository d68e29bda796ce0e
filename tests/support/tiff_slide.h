#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <tiffio.h>
#include <turbojpeg.h>

namespace tilepool::testing {

/// A small tiled TIFF with JPEG tiles, written by libtiff.
struct TiffSlide {
  struct Level {
    std::uint32_t width, height;
  };
  std::string mode = "w";  ///< libtiff's: 8 BigTIFF, l and b byte order
  std::uint32_t tile_width = 256, tile_height = 256;
  std::uint16_t across = 2, down = 2;  ///< chroma subsampling
  bool ycbcr = true;
  bool tables = true;  ///< JPEGTables shared by the tiles; false: each tile has its own
  bool progressive = false;
  bool aperio = false;
  std::uint16_t compression = COMPRESSION_JPEG;
  std::vector<Level> levels = {{700, 530}};
  std::set<std::pair<std::size_t, std::uint32_t>> missing;  ///< (level, tile) without data
};

/// Texture with edges and noise: what would show a wrong tile, offset or upsampling.
inline std::uint8_t texture(std::uint32_t x, std::uint32_t y, std::uint32_t channel,
                            std::size_t level) {
  std::uint32_t noise = (x * 2654435761U) ^ (y * 2246822519U) ^ static_cast<std::uint32_t>(level);
  noise = (noise ^ (noise >> 15)) * 2246822519U;
  const std::uint32_t waves = (x * (channel + 1) / 3 + y * (3 - channel) / 2) % 200;
  return static_cast<std::uint8_t>(waves + (noise >> 28) + ((x / 37 + y / 23) % 2 != 0 ? 30 : 0));
}

inline void write_tile(TIFF* tiff, const TiffSlide& slide, std::uint32_t tile,
                       std::vector<std::uint8_t>& rgb) {
  if (!slide.progressive) {
    TIFFWriteEncodedTile(tiff, tile, rgb.data(), static_cast<tmsize_t>(rgb.size()));
    return;
  }
  const std::unique_ptr<void, int (*)(void*)> encoder(tjInitCompress(), tjDestroy);
  unsigned char* jpeg = nullptr;
  unsigned long bytes = 0;
  tjCompress2(encoder.get(), rgb.data(), static_cast<int>(slide.tile_width), 0,
              static_cast<int>(slide.tile_height), TJPF_RGB, &jpeg, &bytes, TJSAMP_420, 80,
              TJFLAG_PROGRESSIVE);
  TIFFWriteRawTile(tiff, tile, jpeg, static_cast<tmsize_t>(bytes));
  tjFree(jpeg);
}

inline void write_slide(const std::string& path, const TiffSlide& slide) {
  const std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(TIFFOpen(path.c_str(), slide.mode.c_str()),
                                                    TIFFClose);
  for (std::size_t l = 0; l < slide.levels.size(); ++l) {
    const auto [width, height] = slide.levels[l];
    TIFFSetField(tiff.get(), TIFFTAG_SUBFILETYPE, l > 0 ? FILETYPE_REDUCEDIMAGE : 0);
    TIFFSetField(tiff.get(), TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(tiff.get(), TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(tiff.get(), TIFFTAG_TILEWIDTH, slide.tile_width);
    TIFFSetField(tiff.get(), TIFFTAG_TILELENGTH, slide.tile_height);
    TIFFSetField(tiff.get(), TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(tiff.get(), TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff.get(), TIFFTAG_COMPRESSION, slide.compression);
    TIFFSetField(tiff.get(), TIFFTAG_PHOTOMETRIC,
                 slide.ycbcr ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB);
    if (slide.ycbcr) TIFFSetField(tiff.get(), TIFFTAG_YCBCRSUBSAMPLING, slide.across, slide.down);
    if (slide.compression == COMPRESSION_JPEG) {
      TIFFSetField(tiff.get(), TIFFTAG_JPEGQUALITY, 80);
      TIFFSetField(tiff.get(), TIFFTAG_JPEGTABLESMODE,
                   slide.tables ? JPEGTABLESMODE_QUANT | JPEGTABLESMODE_HUFF : 0);
      if (slide.ycbcr && !slide.progressive)
        TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    if (slide.aperio)
      TIFFSetField(tiff.get(), TIFFTAG_IMAGEDESCRIPTION,
                   "Aperio Image Library v1\r\ntest|AppMag = 20|MPP = 0.499");
    std::vector<std::uint8_t> rgb(std::size_t{3} * slide.tile_width * slide.tile_height);
    const std::uint32_t columns = (width + slide.tile_width - 1) / slide.tile_width;
    const std::uint32_t tiles = columns * ((height + slide.tile_height - 1) / slide.tile_height);
    for (std::uint32_t tile = 0; tile < tiles; ++tile) {
      if (slide.missing.contains({l, tile})) continue;
      std::size_t i = 0;
      for (std::uint32_t y = 0; y < slide.tile_height; ++y)
        for (std::uint32_t x = 0; x < slide.tile_width; ++x)
          for (std::uint32_t c = 0; c < 3; ++c)
            rgb[i++] = texture(tile % columns * slide.tile_width + x,
                               tile / columns * slide.tile_height + y, c, l);
      write_tile(tiff.get(), slide, tile, rgb);
    }
    TIFFWriteDirectory(tiff.get());
  }
}

/// Where a tile's bytes lie in the file.
inline std::pair<std::uint64_t, std::uint64_t> tile_extent(const std::string& path,
                                                           std::uint16_t directory,
                                                           std::uint32_t tile) {
  const std::unique_ptr<TIFF, void (*)(TIFF*)> tiff(TIFFOpen(path.c_str(), "r"), TIFFClose);
  TIFFSetDirectory(tiff.get(), directory);
  return {TIFFGetStrileOffset(tiff.get(), tile), TIFFGetStrileByteCount(tiff.get(), tile)};
}

inline std::string file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace tilepool::testing
