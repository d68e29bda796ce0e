#include "serve/http_reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "report/html.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;

/// How deep below the folder pages are looked for: exports/review/index.html.
constexpr int kPageDepth = 3;

HttpReply refuse(int status, std::string words) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(words) + '\n';
  return reply;
}

bool is_own_name(std::string_view host) {
  const std::string_view name = host.substr(0, host.rfind(':'));
  return name == "127.0.0.1" || name == "localhost";
}

/// The path of a target without its query, %xx decoded; nullopt where that is malformed.
std::optional<std::string> decoded(std::string_view target) {
  target = target.substr(0, target.find_first_of("?#"));
  std::string path;
  for (std::size_t i = 0; i < target.size(); ++i) {
    if (target[i] != '%') {
      path += target[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= target.size()) return std::nullopt;
    const char* const digits = target.data() + i + 1;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2 || value == 0)
      return std::nullopt;
    path += static_cast<char>(value);
    i += 2;
  }
  return path;
}

std::string encoded(const std::string& path) {
  std::string text;
  for (const char c : path) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       std::string_view("-_.~/").find(c) != std::string_view::npos;
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string content_type(const fs::path& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kTypes = {{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".csv", "text/csv; charset=utf-8"},
      {".webp", "image/webp"},
      {".png", "image/png"},
      {".svg", "image/svg+xml"},
      {".txt", "text/plain; charset=utf-8"},
  }};
  const std::string extension = file.extension().string();
  for (const auto& [known, type] : kTypes)
    if (extension == known) return std::string(type);
  return "application/octet-stream";
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  return std::ranges::mismatch(folder, path).in1 == folder.end();
}

std::vector<fs::path> pages_of(const fs::path& folder) {
  std::vector<fs::path> pages;
  std::error_code unreadable;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied,
                                      unreadable);
  for (; !unreadable && at != fs::recursive_directory_iterator(); at.increment(unreadable)) {
    if (at.depth() == kPageDepth) at.disable_recursion_pending();
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) {
      at.disable_recursion_pending();
    } else if (at->path().extension() == ".html") {
      pages.push_back(fs::relative(at->path(), folder, unreadable));
    }
  }
  std::ranges::sort(pages);
  return pages;
}

HttpReply list_of_pages(const fs::path& folder) {
  std::string items;
  for (const fs::path& page : pages_of(folder))
    items += fmt::format("<li><a href=\"{}\">{}</a>\n", encoded(page.string()),
                         escape_html(page.string()));
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
      "<meta name=\"color-scheme\" content=\"light dark\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title>"
      "<style>body{{font:16px/1.6 system-ui,sans-serif;margin:2em auto;max-width:40em;"
      "padding:0 1em}}</style>\n<h1>{0}</h1>\n{1}",
      escape_html(folder.filename().string()),
      items.empty() ? "<p>No pages here: <code>tilepool report</code> and "
                      "<code>tilepool export --format review</code> write them.</p>\n"
                    : "<ul>\n" + items + "</ul>\n");
  return reply;
}

HttpReply answer_below(const Site& site, const std::string& below) {
  std::error_code missing;
  const fs::path path = fs::canonical(site.folder / fs::path(below).relative_path(), missing);
  if (missing || !lies_below(path, site.folder)) return refuse(404, "there is no such file");
  if (fs::is_directory(path, missing)) {
    const fs::path index = path / "index.html";
    if (fs::is_regular_file(index, missing)) {
      if (below.ends_with('/')) return answer_below(site, below + "index.html");
      HttpReply reply = refuse(301, "a folder ends with /");
      reply.location = '/' + site.secret + encoded(below) + '/';
      return reply;
    }
    if (path == site.folder) return list_of_pages(path);
    return refuse(404, "this folder has no page");
  }
  if (!fs::is_regular_file(path, missing)) return refuse(404, "there is no such file");
  HttpReply reply;
  reply.file = path;
  reply.content_type = content_type(path);
  return reply;
}

}  // namespace

HttpReply answer(const Site& site, std::string_view method, std::string_view target,
                 std::string_view host) {
  if (!is_own_name(host)) return refuse(403, "only for this machine");
  if (method != "GET" && method != "HEAD") return refuse(405, "only GET and HEAD");
  const std::optional<std::string> path = decoded(target);
  if (!path) return refuse(400, "a malformed path");
  if (*path == "/favicon.ico") return {.status = 204};  // browsers ask for it by themselves
  const std::string root = '/' + site.secret + '/';
  if (!path->starts_with(root)) return refuse(404, "open the address that tilepool serve printed");
  return answer_below(site, path->substr(root.size() - 1));
}

}  // namespace tilepool
