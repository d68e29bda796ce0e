#include "classifier/model_file.h"

#include <set>
#include <span>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/run/atomic_file.h"
#include "common/run/checksum.h"
#include "common/run/json_integer.h"

namespace tilepool {
namespace {

using Json = nlohmann::ordered_json;

/// XGBoost nests its trees six deep; what walks a document recursively can do this much.
constexpr int kMaxDepth = 64;

Json parse_shallow(const std::string& text, const std::string& where) {
  return Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
    check(depth <= kMaxDepth, ErrorCode::kConfig, "{} is no model: it is nested too deep", where);
    return true;
  });
}

Model model_of(const Json& document, const std::string& where) {
  check(document.at("version") == 1, ErrorCode::kConfig,
        "{} is a model of version {}, this program reads 1; use a newer tilepool", where,
        document.at("version").dump());
  Model model;
  document.at("class").get_to(model.class_name);
  document.at("pipeline_id").get_to(model.pipeline_id);
  document.at("job_id").get_to(model.job_id);
  document.at("features").get_to(model.features);
  document.at("threshold").get_to(model.threshold);
  document.at("xgboost_version").get_to(model.xgboost_version);
  const auto kind = model_kind_of(document.at("kind").get<std::string>());
  check(kind.has_value(), ErrorCode::kConfig, "{}: kind {} is neither boosting nor forest", where,
        document.at("kind").dump());
  model.recipe = {*kind, integer_of<std::uint32_t>(document.at("seed"))};
  model.booster = document.at("booster").dump();
  check(document.at("booster_hash") == hash_text(model.booster), ErrorCode::kConfig,
        "{}: its trees were changed or damaged after it was written; take a copy that is whole, or "
        "train it anew",
        where);
  check(model.threshold >= 0 && model.threshold <= 1, ErrorCode::kConfig,
        "{}: threshold {} is not in [0, 1]", where, model.threshold);
  const std::set<std::string> distinct(model.features.begin(), model.features.end());
  check(!model.features.empty() && distinct.size() == model.features.size(), ErrorCode::kConfig,
        "{}: its features are none, or not distinct", where);
  return model;
}

}  // namespace

std::string hash_text(const std::string& bytes) {
  Checksum checksum;
  checksum.add(std::as_bytes(std::span(bytes)));
  return fmt::format("{:016x}", checksum.value());
}

std::string model_json(const Model& model, const std::string& metrics, const std::string& labels) {
  // The numbers of the trees are written anew: what is hashed is what a reader gets.
  const Json booster = Json::parse(model.booster);
  const Json document = {{"format", "tilepool-model"},
                         {"version", 1},
                         {"class", model.class_name},
                         {"pipeline_id", model.pipeline_id},
                         {"job_id", model.job_id},
                         {"features", model.features},
                         {"threshold", model.threshold},
                         {"kind", word_of(model.recipe.kind)},
                         {"seed", model.recipe.seed},
                         {"metrics", Json::parse(metrics)},
                         {"labels", Json::parse(labels)},
                         {"xgboost_version", model.xgboost_version},
                         {"booster_hash", hash_text(booster.dump())},
                         {"booster", booster}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

StoredModel read_model(const std::filesystem::path& file) {
  check(std::filesystem::is_regular_file(file), ErrorCode::kNoInput,
        "--model {}: there is no such file", file.string());
  const std::string text = read_file(file);
  const std::string where = file.string();
  try {
    const Json document = parse_shallow(text, where);
    check(document.is_object() && document.value("format", "") == "tilepool-model",
          ErrorCode::kConfig, "{} is no model of tilepool train", where);
    return {model_of(document, where), hash_text(text)};
  } catch (const Json::exception& error) {
    fail(ErrorCode::kConfig, "{} is no model of tilepool train: {}", where,
         printable_utf8(error.what()));
  }
}

}  // namespace tilepool
