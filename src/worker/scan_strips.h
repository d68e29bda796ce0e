#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/memory/budget.h"
#include "common/model/options.h"
#include "common/run/layout.h"
#include "common/slide/source.h"
#include "worker/scan_geometry.h"
#include "worker/scan_image.h"

namespace tilepool {

/// A slide whose scan reads more than tissue.scan_strip_mpx is cut into strips: whole rows of the
/// blocks in which a scan reads, so that the strips joined are the image that one reader gives.
/// Everything here may run in any thread (no HDF5).

/// Into how many: about scan_strip_mpx each, at least one row of blocks. 1: not cut.
[[nodiscard]] std::int64_t count_strips(const SlideInfo& info, const Options& options);

/// Rows of the scan image, half-open.
struct ScanRows {
  std::int64_t first = 0, last = 0;
  [[nodiscard]] std::int64_t count() const { return last - first; }
};
[[nodiscard]] ScanRows strip_rows(const ScanGeometry& geometry, std::int64_t count,
                                  std::int64_t index);

/// What commit_strip takes from its budget at most.
[[nodiscard]] std::size_t strip_bytes(const SlideInfo& info, const Options& options);

/// Reads strip `index` and commits it, unless it is there. Throws Error(kSlide) when the slide has
/// no such strip, Error(kBudget), Error(kIo).
void commit_strip(const RunLayout& layout, const std::string& slide_id, SlideSource& source,
                  std::int64_t index, const Options& options, Budget& budget);

/// Whether all strips of a slide are there, whole or not.
[[nodiscard]] bool strips_exist(const RunLayout& layout, const std::string& slide_id,
                                std::int64_t count);

/// Joins the strips into `out` (geometry.width x height, rows without gaps); the damage is that of
/// read_scan_rows over the whole slide, and a strip that was given up is damaged all over. Nothing
/// when a strip is missing, damaged or of another slide.
[[nodiscard]] std::optional<ScanDamage> join_strips(const RunLayout& layout,
                                                    const std::string& slide_id,
                                                    const std::string& fingerprint,
                                                    std::int64_t count,
                                                    const ScanGeometry& geometry, RgbView out);

/// Removes the strips of a slide.
void discard_strips(const RunLayout& layout, const std::string& slide_id, std::int64_t count);

}  // namespace tilepool
