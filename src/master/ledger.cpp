#include "master/ledger.h"

#include <fmt/format.h>

#include "common/run/atomic_file.h"

namespace tilepool {
namespace {

// RFC 4180.
std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string text = "\"";
  for (const char c : field) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

}  // namespace

void write_ledger(const RunLayout& layout, const std::vector<FinalSlide>& slides) {
  std::string text =
      "id,path,group,status,reason,tiles_grid,tiles_pool,tiles_sample,tiles_done,tiles_failed,"
      "cells,patches,seconds,reader\n";
  for (const FinalSlide& slide : slides) {
    const PlanSlide& plan = slide.plan;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{:.3f},{}\n", quoted(plan.id),
                        quoted(plan.path), quoted(plan.group), slide.status, quoted(slide.reason),
                        plan.n_grid, plan.n_pool, plan.n_sample, slide.n_done, slide.n_failed,
                        slide.n_cells, slide.n_patches, slide.seconds, quoted(plan.reader));
  }
  write_file_atomically(layout.ledger(), text);
}

}  // namespace tilepool
