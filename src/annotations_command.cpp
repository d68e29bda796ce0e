#include "annotations_command.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/annotation/annotations.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/slide/source.h"
#include "export/label_tiff.h"
#include "report/html.h"
#include "report/text_table.h"
#include "stop_signal.h"

namespace tilepool {
namespace {

using Json = nlohmann::ordered_json;

/// The regions of one group together.
struct GroupSum {
  std::size_t regions = 0, holes = 0, without_area = 0, vertices = 0;
  double area_px = 0;  ///< of its positive regions, overlaps counted twice
};

std::map<std::string, GroupSum> sums_of(const Annotations& annotations) {
  std::map<std::string, GroupSum> groups;
  for (const Region& region : annotations.regions) {
    GroupSum& group = groups[region.group];
    ++(!region.has_area() ? group.without_area : region.negative ? group.holes : group.regions);
    group.vertices += vertex_count(region);
    if (!region.negative) group.area_px += region_area_px(region);
  }
  return groups;
}

std::optional<double> um2_of(double area_px, const std::optional<SlideInfo>& slide) {
  if (!slide || !std::isfinite(slide->mpp())) return std::nullopt;
  return area_px * slide->mpp_x * slide->mpp_y;
}

Json as_json(const Annotations& annotations, const std::string& path,
             const std::optional<SlideInfo>& slide) {
  Json groups = Json::array();
  for (const auto& [name, sum] : sums_of(annotations)) {
    const auto um2 = um2_of(sum.area_px, slide);
    groups.push_back({{"name", name},
                      {"regions", sum.regions},
                      {"negative", sum.holes},
                      {"without_area", sum.without_area},
                      {"vertices", sum.vertices},
                      {"area_px2", sum.area_px},
                      {"area_um2", um2 ? Json(*um2) : Json(nullptr)}});
  }
  return {{"path", path},
          {"format", annotations.format},
          {"groups", std::move(groups)},
          {"warnings", annotations.warnings}};
}

std::string as_text(const Annotations& annotations, const std::string& path,
                    const std::optional<SlideInfo>& slide) {
  using Align = TextTable::Align;
  TextTable table({{"group", Align::kLeft},
                   {"regions", Align::kRight},
                   {"negative", Align::kRight},
                   {"points, lines", Align::kRight},
                   {"vertices", Align::kRight},
                   {"area px^2", Align::kRight},
                   {"area um^2", Align::kRight}});
  for (const auto& [name, sum] : sums_of(annotations)) {
    const auto um2 = um2_of(sum.area_px, slide);
    table.add({name.empty() ? "(none)" : name, grouped(std::uint64_t{sum.regions}),
               grouped(std::uint64_t{sum.holes}), grouped(std::uint64_t{sum.without_area}),
               grouped(std::uint64_t{sum.vertices}), fmt::format("{:.0f}", sum.area_px),
               um2 ? fmt::format("{:.1f}", *um2) : ""});
  }
  std::string text = fmt::format("{}: {}\n{}", path, annotations.format, table.text(2));
  for (const std::string& warning : annotations.warnings)
    text += fmt::format("  warning: {}\n", warning);
  return text;
}

/// "Tumor=1,Stroma=2".
std::vector<AnnotationClass> parse_classes(const std::string& text) {
  std::vector<AnnotationClass> classes;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string one = text.substr(at, comma - at);
    const std::size_t equals = one.rfind('=');
    int value = 0;
    const bool split = equals != std::string::npos && equals > 0;
    const char* const begin = split ? one.data() + equals + 1 : one.data();
    const char* const end = one.data() + one.size();
    const auto [rest, error] = std::from_chars(begin, end, value);
    check(split && error == std::errc{} && rest == end && value >= 1 && value <= 255,
          ErrorCode::kUsage, "--classes: \"{}\" is no NAME=VALUE with a value in [1, 255]", one);
    classes.push_back({one.substr(0, equals), static_cast<std::uint8_t>(value)});
    at = comma + 1;
  }
  check(classes.size() <= 255, ErrorCode::kUsage, "--classes: {} are more than 255",
        classes.size());
  return classes;
}

std::vector<AnnotationClass> classes_by_group(const Annotations& annotations) {
  const auto groups = sums_of(annotations);
  check(groups.size() <= 255, ErrorCode::kUsage,
        "{} groups are more than the 255 values of a mask; choose with --classes", groups.size());
  std::vector<AnnotationClass> classes;
  classes.reserve(groups.size());
  for (const auto& [name, sum] : groups)
    classes.push_back({name, static_cast<std::uint8_t>(classes.size() + 1)});
  return classes;
}

void warn_of_unknown(const std::vector<AnnotationClass>& classes, const Annotations& annotations) {
  const std::vector<std::string> known = region_names(annotations);
  for (const AnnotationClass& one : classes)
    if (!one.name.empty() && std::find(known.begin(), known.end(), one.name) == known.end())
      log_warning("--classes: no region is called \"{}\"; there are {}", one.name,
                  fmt::join(known, ", "));
}

void write_mask(const CommandLine& command, const SlideInfo& slide,
                const Annotations& annotations) {
  const std::vector<AnnotationClass> classes = command.mask_classes.empty()
                                                   ? classes_by_group(annotations)
                                                   : parse_classes(command.mask_classes);
  warn_of_unknown(classes, annotations);
  note_stop_signals();
  write_label_tiff(command.out, slide, annotations.regions, classes, stop_signalled);
  for (const AnnotationClass& one : classes)
    log_info("{}: {} is {}", command.out.string(), one.value,
             one.name.empty() ? "regions without a group" : one.name);
}

}  // namespace

int annotations_command(const CommandLine& command) {
  check(command.out.empty() || (!command.slide.empty() && command.files.size() == 1),
        ErrorCode::kUsage, "--out needs one FILE and the --slide that it was drawn on");
  check(command.mask_classes.empty() || !command.out.empty(), ErrorCode::kUsage,
        "--classes needs --out");
  if (!command.mask_classes.empty()) (void)parse_classes(command.mask_classes);
  std::optional<SlideInfo> slide;
  if (!command.slide.empty()) slide = open_slide(command.slide.string(), std::nullopt)->info();
  Json files = Json::array();
  int code = 0;
  for (const std::string& path : command.files) {
    try {
      const Annotations annotations = read_annotations(path, slide);
      if (!command.out.empty()) write_mask(command, *slide, annotations);
      if (command.json)
        files.push_back(as_json(annotations, path, slide));
      else
        fmt::print("{}", as_text(annotations, path, slide));
    } catch (const Error& error) {
      const bool unread = error.code() == ErrorCode::kSlide || error.code() == ErrorCode::kNoInput;
      if (!unread || command.files.size() == 1) throw;
      log_error("{}", error.what());
      files.push_back({{"path", path}, {"error", error.what()}});
      if (code == 0) code = exit_code_of(error.code());
    }
  }
  if (command.json)
    fmt::print("{}\n",
               Json({{"files", files}}).dump(2, ' ', false, Json::error_handler_t::replace));
  return code;
}

}  // namespace tilepool
