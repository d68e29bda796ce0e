#include "report/report.h"

#include <string>

#include "common/run/atomic_file.h"
#include "report/event_history.h"
#include "report/page.h"
#include "report/run_view.h"
#include "report/slide_picture.h"

namespace tilepool {

void write_report(const RunLayout& layout, std::size_t memory_bytes) {
  Budget budget(memory_bytes);
  RunView view = load_run(layout);
  const EventHistory history = read_events(layout.events());
  CohortSurvey survey;
  if (view.plan) survey = survey_cohort(layout, view, cell_bytes(view.slides.size()));
  std::string page = page_opening(view.name, "");
  page += page_head(view);
  page += "<main>\n";
  page += page_slides(layout, view, survey, budget);
  page += page_groups(view, survey);
  page += page_failures(layout, view, history);
  page += page_ranks(view);
  page += page_chart(view, history);
  page += page_provenance(view);
  page += "</main>\n<script>" + page_script() + "</script>\n</body>\n</html>\n";
  write_file_atomically(layout.report(), page);
}

}  // namespace tilepool
