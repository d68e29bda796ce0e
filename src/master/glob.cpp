#include "master/glob.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// Bytes of the UTF-8 character at the front of `text` (1 for a stray byte).
std::size_t character_bytes(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
    ++length;
  return length;
}

/// The length of the bracket expression at the front of `pattern`, 0 when it has no end.
std::size_t bracket_length(std::string_view pattern) {
  std::size_t at = 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  const std::size_t end = pattern.find(']', at + 1);  // a ] right at the start is literal
  return end == std::string_view::npos ? 0 : end + 1;
}

bool bracket_holds(std::string_view bracket, char c) {
  std::string_view set = bracket.substr(1, bracket.size() - 2);
  const bool negated = set.starts_with('!') || set.starts_with('^');
  if (negated) set.remove_prefix(1);
  bool found = false;
  while (!set.empty()) {
    const auto byte = [](char value) { return static_cast<unsigned char>(value); };
    if (set.size() >= 3 && set[1] == '-') {
      found = found || (byte(c) >= byte(set[0]) && byte(c) <= byte(set[2]));
      set.remove_prefix(3);
    } else {
      found = found || c == set[0];
      set.remove_prefix(1);
    }
  }
  return found != negated;
}

/// How much of pattern and name one step of matching takes; {0, 0} when they do not match here.
struct Step {
  std::size_t pattern, name;
};

Step match_one(std::string_view pattern, std::string_view name) {
  if (pattern[0] == '?') return {1, character_bytes(name)};
  if (pattern[0] == '[') {
    const std::size_t length = bracket_length(pattern);
    if (length > 0)
      return bracket_holds(pattern.substr(0, length), name[0]) ? Step{length, 1} : Step{0, 0};
  }
  const std::size_t skip = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
  return pattern[skip] == name[0] ? Step{skip + 1, 1} : Step{0, 0};
}

bool is_companion_folder(const fs::path& folder) {
  std::error_code ignored;  // a sibling that cannot be looked at is no slide
  return fs::is_regular_file(fs::path(folder).concat(".mrxs"), ignored) ||
         fs::is_regular_file(fs::path(folder).concat(".MRXS"), ignored);
}

class Expansion {
 public:
  explicit Expansion(std::vector<fs::path>& unreadable) : unreadable_(unreadable) {}

  using Component = fs::path::const_iterator;
  void walk(const fs::path& base, Component at, Component end) {
    if (at == end) {
      std::error_code ignored;  // a dangling link is no file
      if (fs::is_regular_file(base, ignored)) found_.insert(base.string());
      return;
    }
    const std::string pattern = at->string();
    const Component rest = std::next(at);
    if (pattern == "**") {
      descend(base, rest, end);
    } else if (!is_glob(pattern)) {
      std::error_code ignored;
      if (fs::exists(base / *at, ignored)) walk(base / *at, rest, end);
    } else {
      for (const fs::path& entry : list(base)) {
        if (!matches_glob(pattern, entry.filename().string())) continue;
        std::error_code ignored;
        if (rest != end && (!fs::is_directory(entry, ignored) || is_companion_folder(entry)))
          continue;
        walk(entry, rest, end);
      }
    }
  }

  [[nodiscard]] std::vector<fs::path> files() const { return {found_.begin(), found_.end()}; }

 private:
  /// `base` itself and every folder below it take the place of **.
  void descend(const fs::path& base, Component rest, Component end) {
    if (rest != end) walk(base, rest, end);
    for (const fs::path& entry : list(base)) {
      const std::string name = entry.filename().string();
      if (name.starts_with('.')) continue;
      std::error_code ignored;
      const bool folder = fs::is_directory(fs::symlink_status(entry, ignored));
      if (folder && !is_companion_folder(entry)) descend(entry, rest, end);
      if (!folder && rest == end) walk(entry, rest, end);
    }
  }

  std::vector<fs::path> list(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), last; !error && it != last; it.increment(error))
      entries.push_back(it->path());
    if (error && error != std::errc::not_a_directory &&
        error != std::errc::no_such_file_or_directory)
      unreadable_.push_back(folder);
    return entries;
  }

  std::vector<fs::path>& unreadable_;
  std::set<std::string> found_;  // sorted bytewise, each once
};

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.') && !pattern.starts_with("\\."))
    return false;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // where the last * was, and what it took so far
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    const Step step =
        p < pattern.size() ? match_one(pattern.substr(p), name.substr(n)) : Step{0, 0};
    if (step.pattern > 0) {
      p += step.pattern;
      n += step.name;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool is_glob(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

std::vector<fs::path> expand_glob(const fs::path& pattern, std::vector<fs::path>& unreadable) {
  Expansion expansion(unreadable);
  const fs::path relative = pattern.relative_path();
  expansion.walk(pattern.root_path(), relative.begin(), relative.end());
  return expansion.files();
}

}  // namespace tilepool
