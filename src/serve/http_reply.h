#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace tilepool {

/// What is served, and to whom.
struct Site {
  std::filesystem::path folder;  ///< canonical
  std::string secret;  ///< first part of every path: others on this machine do not know it
};

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;            ///< where `file` is empty
  std::filesystem::path file;  ///< to be sent as it is
  std::string location;        ///< of a redirect
};

/// The answer to a request. `target` as it stands in the request line, `host` the Host header; a
/// name other than this machine's own is refused, since a page from elsewhere could have had it
/// resolved to this machine. Serves regular files below the folder, links that leave it not; of a
/// folder its index.html, and of the site's own a list of its pages where it has none.
[[nodiscard]] HttpReply answer(const Site& site, std::string_view method, std::string_view target,
                               std::string_view host);

}  // namespace tilepool
