#include <fmt/format.h>

#include "common/model/options_json.h"
#include "report/html.h"
#include "report/page.h"

namespace tilepool {

std::string page_provenance(const RunView& view) {
  std::string html = "<section id=\"provenance\"><h2>Provenance</h2>\n";
  if (!view.run) return html + "<p>run.json is missing.</p></section>\n";
  html += "<dl class=\"facts\">\n";
  if (view.plan_head)
    html += fmt::format(
        "<div><dt>pipeline</dt><dd><code>{}</code></dd></div>\n<div><dt>plan generation</dt><dd>{}"
        "</dd></div>\n",
        escape_html(view.plan_head->pipeline_id), view.plan_head->generation);
  if (view.status)
    html += fmt::format("<div><dt>run</dt><dd><code>{}</code></dd></div>\n",
                        escape_html(view.status->run_uuid));
  for (const auto& [name, value] : view.run->provenance)
    html +=
        fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(name), escape_html(value));
  html += "</dl>\n";
  html += fmt::format(
      "<details><summary>Configuration, every key resolved</summary><pre>{}</pre></details>\n",
      escape_block(options_to_json(view.run->options)));
  return html + "</section>\n";
}

}  // namespace tilepool
