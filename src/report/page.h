#pragma once

#include <string>
#include <string_view>

#include "common/memory/budget.h"
#include "report/cohort_survey.h"
#include "report/event_history.h"
#include "report/page_parts.h"
#include "report/run_view.h"

namespace tilepool {

/// The parts of report.html, each a piece of HTML.

[[nodiscard]] std::string page_script();
/// Title, how the run ended, its sample in a sentence, its figures.
[[nodiscard]] std::string page_head(const RunView& view);
/// A card and a table row per slide.
[[nodiscard]] std::string page_slides(const RunLayout& layout, const RunView& view,
                                      const CohortSurvey& survey, Budget& budget);
/// Distributions by group of slides.
[[nodiscard]] std::string page_groups(const RunView& view, const CohortSurvey& survey);
/// Ranks with their work and memory.
[[nodiscard]] std::string page_ranks(const RunView& view);
/// Tiles per second over time, all and per rank.
[[nodiscard]] std::string page_chart(const RunView& view, const EventHistory& history);
/// Slides and tiles that failed, what was noted on the way, and the way out.
[[nodiscard]] std::string page_failures(const RunLayout& layout, const RunView& view,
                                        const EventHistory& history);
/// Configuration and versions.
[[nodiscard]] std::string page_provenance(const RunView& view);

/// 1, 2 or 5 times a power of ten, so that about `parts` of it make up `range` > 0.
[[nodiscard]] double nice_step(double range, double parts);

/// The command that ran this, as a person would type it.
[[nodiscard]] std::string run_command_line(const RunLayout& layout, const RunView& view);

}  // namespace tilepool
