#include "report/report.h"

#include <string>

#include <fmt/format.h>

#include "common/run/atomic_file.h"
#include "report/event_history.h"
#include "report/html.h"
#include "report/page.h"
#include "report/run_view.h"

namespace tilepool {
namespace {

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
)";

}  // namespace

void write_report(const RunLayout& layout, std::size_t memory_bytes) {
  Budget budget(memory_bytes);
  const RunView view = load_run(layout);
  const EventHistory history = read_events(layout.events());
  std::string page = kHead;
  page += fmt::format("<title>{} – tilepool</title>\n<style>{}</style>\n</head>\n<body>\n",
                      escape_html(view.name), page_style());
  page += page_head(view);
  page += "<main>\n";
  page += page_slides(layout, view, budget);
  page += page_failures(layout, view, history);
  page += page_ranks(view);
  page += page_chart(view, history);
  page += page_provenance(view);
  page += "</main>\n<script>" + page_script() + "</script>\n</body>\n</html>\n";
  write_file_atomically(layout.report(), page);
}

}  // namespace tilepool
