#include "master/cohort.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/text.h"
#include "master/glob.h"
#include "master/manifest.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;  // what cannot be looked at is reported when it is opened
  return fs::exists(path, ignored);
}

/// Endings of annotation files, behind a slide's id, file name or file name without its own.
constexpr std::array<const char*, 4> kAnnotationEndings = {".xml", ".geojson", ".json", ".ndpa"};

/// The one file of `folder` that is named like the slide, or none; two are a problem of the slide.
void find_annotations(const fs::path& folder, SlideSpec& spec) {
  const fs::path slide(spec.path);
  std::set<std::string> found;
  for (const std::string& stem : {spec.id, slide.stem().string(), slide.filename().string()})
    for (const char* const ending : kAnnotationEndings)
      if (stem.find('/') == std::string::npos && is_there(folder / (stem + ending)))
        found.insert((folder / (stem + ending)).string());
  if (found.size() == 1) spec.annotations = *found.begin();
  if (found.size() > 1 && spec.problem.empty())
    spec.problem = fmt::format("{} annotation files fit it: {}; name one in \"annotations\"",
                               found.size(), fmt::join(found, ", "));
}

/// A slide as named at one place.
struct Candidate {
  fs::path path;       ///< absolute, without . and ..
  SlideEntry entry;    ///< what was said about it
  std::string origin;  ///< "/slides/3" or "slides.csv:12"

  Candidate(fs::path path_, SlideEntry entry_, std::string origin_, const fs::path& folder)
      : path(std::move(path_)), entry(std::move(entry_)), origin(std::move(origin_)) {
    if (!entry.annotations.empty())
      entry.annotations = (folder / entry.annotations).lexically_normal().string();
  }
};

fs::path absolute_in(const fs::path& folder, const std::string& written) {
  return (folder / written).lexically_normal();
}

/// Why the file cannot be a slide, or "".
std::string file_problem(const fs::path& path) {
  if (!is_utf8(path.string())) return "the path is not UTF-8; rename the file or its folder";
  if (has_control_character(path.string())) return "the path has a control character; rename it";
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return "no such file";
  if (status.type() == fs::file_type::directory) return "is a folder; write FOLDER/*.svs";
  if (error) return "cannot be looked at: " + one_line(error.message());
  if (status.type() != fs::file_type::regular) return "is not a regular file";
  return {};
}

class Cohort {
 public:
  Cohort(fs::path config_dir, std::vector<std::string>& warnings)
      : config_dir_(std::move(config_dir)), warnings_(warnings) {}

  std::vector<SlideSpec> expand(const Options& options) {
    for (std::size_t i = 0; i < options.slides.size(); ++i)
      add_entry(options.slides[i], fmt::format("/slides/{}", i));
    if (!options.manifest.empty()) add_manifest(absolute_in(config_dir_, options.manifest));
    refuse_nothing();
    merge_same_files();
    check(problems_.empty(), ErrorCode::kConfig, "{}", fmt::join(problems_, "\n"));
    warnings_.insert(warnings_.end(), nothing_.begin(), nothing_.end());
    std::vector<SlideSpec> specs = make_specs();
    if (options.annotations.folder) attach(options.annotations, specs);
    return specs;
  }

 private:
  void attach(const AnnotationOptions& options, std::vector<SlideSpec>& specs) const {
    const fs::path folder = absolute_in(config_dir_, *options.folder);
    check(fs::is_directory(folder), ErrorCode::kNoInput, "/annotations/folder: {} is no folder",
          folder.string());
    for (SlideSpec& spec : specs)
      if (spec.annotations.empty()) find_annotations(folder, spec);
  }

  void add_entry(const SlideEntry& entry, const std::string& origin) {
    const fs::path path = absolute_in(config_dir_, entry.path);
    if (!is_glob(entry.path) || is_there(path)) {  // a file may have [ in its name
      candidates_.emplace_back(path, entry, origin, config_dir_);
      return;
    }
    std::vector<fs::path> unreadable;
    const std::vector<fs::path> files = expand_glob(path, unreadable);
    for (const fs::path& folder : unreadable)
      warnings_.push_back(fmt::format("{}: cannot list the folder {}", origin, folder.string()));
    if (files.empty())
      nothing_.push_back(fmt::format("{}: {} matches no file", origin, path.string()));
    if (files.size() > 1 && !entry.id.empty())
      problems_.push_back(fmt::format("{}: one id, \"{}\", for the {} files that {} matches",
                                      origin, entry.id, files.size(), entry.path));
    if (files.size() > 1 && !entry.annotations.empty())
      problems_.push_back(
          fmt::format("{}: one file of annotations, \"{}\", for the {} files that "
                      "{} matches; write /annotations/folder",
                      origin, entry.annotations, files.size(), entry.path));
    for (const fs::path& file : files) candidates_.emplace_back(file, entry, origin, config_dir_);
  }

  void add_manifest(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    if (!is_there(path) || fs::is_directory(path)) {
      nothing_.push_back(fmt::format("/manifest: {}: no such file", path.string()));
      return;
    }
    check(stream.is_open(), ErrorCode::kIo, "/manifest: {} cannot be read: {}", path.string(),
          errno_text(errno));
    const std::string text{std::istreambuf_iterator<char>(stream),
                           std::istreambuf_iterator<char>()};
    check(!stream.bad(), ErrorCode::kIo, "/manifest: reading {} failed", path.string());
    const auto rows = parse_manifest(text, path.string(), warnings_);
    if (rows.empty())
      nothing_.push_back(fmt::format("/manifest: {} lists no slide", path.string()));
    for (const ManifestRow& row : rows)
      candidates_.emplace_back(absolute_in(path.parent_path(), row.entry.path), row.entry,
                               fmt::format("{}:{}", path.filename().string(), row.line),
                               path.parent_path());
  }

  /// Throws when nothing that is named exists.
  void refuse_nothing() const {
    std::vector<std::string> lines = nothing_;
    for (const Candidate& candidate : candidates_) {
      if (is_there(candidate.path)) return;
      lines.push_back(
          fmt::format("{}: {}: no such file", candidate.origin, candidate.path.string()));
    }
    if (lines.empty()) lines.emplace_back("no slides: set /slides or /manifest");
    fail(ErrorCode::kNoInput, "{}", fmt::join(lines, "\n"));
  }

  template <class T>
  void merge_field(T& kept, const T& other, const char* name, const Candidate& a,
                   const Candidate& b) {
    if (other == T{}) return;
    if (kept != T{} && kept != other)
      problems_.push_back(fmt::format("{}: {} is named at {} and {} with different {}", b.origin,
                                      b.path.string(), a.origin, b.origin, name));
    kept = other;
  }

  void merge_same_files() {
    std::map<std::string, std::size_t> seen;
    std::vector<Candidate> merged;
    for (const Candidate& candidate : candidates_) {
      std::error_code error;
      const fs::path real = fs::weakly_canonical(candidate.path, error);
      const auto [place, is_new] =
          seen.emplace((error ? candidate.path : real).string(), merged.size());
      if (is_new) {
        merged.push_back(candidate);
        continue;
      }
      Candidate& first = merged[place->second];
      warnings_.push_back(fmt::format("{} is named at {} and {}: taken once",
                                      candidate.path.string(), first.origin, candidate.origin));
      merge_field(first.entry.id, candidate.entry.id, "id", first, candidate);
      merge_field(first.entry.group, candidate.entry.group, "group", first, candidate);
      merge_field(first.entry.mpp, candidate.entry.mpp, "mpp", first, candidate);
      merge_field(first.entry.annotations, candidate.entry.annotations, "annotations", first,
                  candidate);
    }
    candidates_ = std::move(merged);
  }

  std::vector<SlideSpec> make_specs() {
    std::sort(candidates_.begin(), candidates_.end(),
              [](const auto& a, const auto& b) { return a.path.native() < b.path.native(); });
    std::vector<SlideSpec> specs;
    for (const Candidate& candidate : candidates_) {
      const std::string& id = candidate.entry.id;
      specs.push_back({printable_utf8(id.empty() ? candidate.path.stem().string() : id),
                       candidate.path.string(), candidate.entry.group, candidate.entry.mpp,
                       file_problem(candidate.path), printable_utf8(candidate.entry.annotations)});
      // A path that cannot be written down as it is, is never opened.
      if (!is_utf8(specs.back().path)) specs.back().path = printable_utf8(specs.back().path);
    }
    separate_ids(specs);
    std::sort(specs.begin(), specs.end(),
              [](const SlideSpec& a, const SlideSpec& b) { return a.id < b.id; });
    return specs;
  }

  /// Gives all but the first slide of an id another one, and the reason to fail with.
  static void separate_ids(std::vector<SlideSpec>& specs) {
    std::map<std::string, const SlideSpec*> owners;
    for (const SlideSpec& spec : specs)  // one that can be opened comes before one that cannot
      if (spec.problem.empty()) owners.emplace(spec.id, &spec);
    for (const SlideSpec& spec : specs) owners.emplace(spec.id, &spec);
    std::set<std::string> taken;
    for (const auto& [id, owner] : owners) taken.insert(id);
    for (SlideSpec& spec : specs) {
      const auto [id, owner] = *owners.find(spec.id);
      if (owner == &spec) continue;
      if (spec.problem.empty())
        spec.problem = fmt::format("duplicate id '{}': also {}; give an \"id\"", id, owner->path);
      for (int n = 2; !taken.insert(spec.id).second; ++n) spec.id = numbered(id, n);
    }
  }

  /// "ID~2", cut at a character so that it keeps to 255 bytes.
  static std::string numbered(const std::string& id, int n) {
    const std::string suffix = fmt::format("~{}", n);
    std::string stem = id.substr(0, 255 - suffix.size());
    while (!is_utf8(stem)) stem.pop_back();
    return stem + suffix;
  }

  fs::path config_dir_;
  std::vector<std::string>& warnings_;
  std::vector<Candidate> candidates_;
  std::vector<std::string> nothing_;  ///< globs and manifests that give nothing
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<SlideSpec> expand_cohort(const Options& options, const fs::path& config_dir,
                                     std::vector<std::string>& warnings) {
  const fs::path folder = config_dir.empty() ? fs::current_path() : fs::absolute(config_dir);
  return Cohort(folder, warnings).expand(options);
}

}  // namespace tilepool
