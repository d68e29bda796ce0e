#include "classifier_command.h"

#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

#include "classifier/classify.h"
#include "classifier/train.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/system.h"
#include "common/base/text.h"
#include "common/run/atomic_file.h"
#include "common/run/layout.h"
#include "report/html.h"
#include "report/text_table.h"

namespace tilepool {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kBelowGates = 3;

std::vector<fs::path> split_at_commas(const std::string& list) {
  std::vector<fs::path> files;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    check(end > begin, ErrorCode::kUsage, "--labels {}: an empty name; write a.json,b.json",
          printable_utf8(list));
    files.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return files;
}

/// nullopt: one that makes counts right.
std::optional<double> threshold_of(const std::string& word) {
  if (word == "counts") return std::nullopt;
  double value = 0;
  const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
  check(problem == std::errc() && end == word.data() + word.size() && value >= 0 && value <= 1,
        ErrorCode::kUsage, "--threshold {}: write a score from 0 to 1, or counts",
        printable_utf8(word));
  return value;
}

TrainRequest train_request(const CommandLine& command) {
  TrainRequest request;
  request.results = RunLayout(command.run_dir).results();
  request.labels = split_at_commas(command.labels);
  request.class_name = command.class_name;
  const auto kind = model_kind_of(command.kind);
  check(kind.has_value(), ErrorCode::kUsage, "--kind {}: write boosting or forest",
        printable_utf8(command.kind));
  const auto grouping = grouping_of(command.group_by);
  check(grouping.has_value(), ErrorCode::kUsage, "--group-by {}: write slide or tile",
        printable_utf8(command.group_by));
  request.recipe = {*kind, static_cast<std::uint32_t>(command.seed)};
  request.grouping = *grouping;
  request.threshold = threshold_of(command.threshold);
  return request;
}

/// Beside the model: its name with .html instead of .json.
fs::path page_of(const fs::path& model) {
  check(model.extension() != ".html", ErrorCode::kUsage,
        "--out {}: the model is JSON, and its page takes that name; write m.json", model.string());
  return fs::path(model).replace_extension(".html");
}

void warn(const TrainReport& report) {
  if (const std::string note = accuracy_note(report.evaluation); !note.empty())
    log_warning("{}", note);
  if (report.evaluation.grouping == Grouping::kTile)
    log_warning(
        "labels were parted by tile: the same slides taught and judged. On a slide that it has not "
        "seen the model does worse than these numbers say");
  for (const LabelSource& source : report.sources)
    if (!source.names_pipeline)
      log_warning("{} does not say of which pipeline it is; only its cells could be checked",
                  printable_utf8(source.name));
}

std::string train_answer(const CommandLine& command, const TrainReport& report, bool written,
                         const fs::path& page) {
  if (!command.json) return train_text(report);
  Json document = {{"class", report.model.class_name},
                   {"kind", word_of(report.model.recipe.kind)},
                   {"metrics", Json::parse(metrics_json(report))},
                   {"labels", Json::parse(labels_json(report))},
                   {"model", written ? Json(fs::absolute(command.out).string()) : Json(nullptr)},
                   {"report", fs::absolute(page).string()}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string classified_text(const Classified& done) {
  using Align = TextTable::Align;
  TextTable table({{"slide", Align::kLeft},
                   {"cells of " + done.class_name, Align::kRight},
                   {"yes", Align::kRight},
                   {"share", Align::kRight}});
  SlideScores all{"all slides"};
  const auto add = [&](const SlideScores& slide) {
    table.add({slide.id, grouped(slide.n_cells), grouped(slide.n_yes),
               percent(static_cast<double>(slide.n_yes), static_cast<double>(slide.n_cells))});
  };
  for (const SlideScores& slide : done.slides) {
    add(slide);
    all.n_cells += slide.n_cells;
    all.n_yes += slide.n_yes;
  }
  add(all);
  return table.text();
}

std::string classified_json(const Classified& done) {
  Json slides = Json::array();
  for (const SlideScores& slide : done.slides)
    slides.push_back({{"id", slide.id}, {"cells", slide.n_cells}, {"yes", slide.n_yes}});
  const Json document = {
      {"class", done.class_name}, {"scores", fs::absolute(done.file).string()}, {"slides", slides}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

int train_job(const CommandLine& command) {
  const fs::path page = page_of(command.out);
  const TrainReport report = train(train_request(command));
  warn(report);
  const bool written = report.missed.empty() || command.accept_below_gate;
  write_file_atomically(page, model_page(report));
  if (written)
    write_file_atomically(command.out,
                          model_json(report.model, metrics_json(report), labels_json(report)));
  fmt::print("{}", train_answer(command, report, written, page));
  for (const std::string& miss : report.missed) log_warning("{}", miss);
  log_info("{}", fs::absolute(page).string());
  if (written) {
    log_info("{}", fs::absolute(command.out).string());
    return 0;
  }
  log_error(
      "the model was not written: label more cells, or take it all the same with "
      "--accept-below-gate");
  return kBelowGates;
}

int classify_job(const CommandLine& command) {
  const Classified done = classify({.results = RunLayout(command.run_dir).results(),
                                    .model = command.model,
                                    .out = command.out,
                                    .any_pipeline = command.any_pipeline,
                                    .threads = cpu_cores_granted()});
  fmt::print("{}", command.json ? classified_json(done) : classified_text(done));
  log_info("{}", fs::absolute(done.file).string());
  return 0;
}

}  // namespace tilepool
