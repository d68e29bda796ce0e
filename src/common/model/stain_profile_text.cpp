#include "common/model/stain_profile_text.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/model/stain_profile_values.h"

namespace tilepool {
namespace {

/// The numbers of a profile in order, with the name of each in a calibration.
template <class Profile, class Fn>
void for_each_number(Profile& profile, Fn fn) {
  if (auto* macenko = std::get_if<MacenkoProfile>(&profile)) {
    for (std::size_t s = 0; s < 2; ++s) {
      for (std::size_t c = 0; c < 3; ++c)
        fn(fmt::format("normalise_stain{}_{}", s + 1, "rgb"[c]), macenko->vectors[s][c]);
      fn(fmt::format("normalise_max{}", s + 1), macenko->max_concentrations[s]);
    }
    return;
  }
  constexpr std::array<const char*, 3> kAxes = {"l", "alpha", "beta"};
  auto& reinhard = std::get<ReinhardProfile>(profile);
  for (std::size_t i = 0; i < 3; ++i) {
    fn(fmt::format("normalise_mean_{}", kAxes[i]), reinhard.mean[i]);
    fn(fmt::format("normalise_deviation_{}", kAxes[i]), reinhard.deviation[i]);
  }
}

/// What is wrong with `json` as numbers in [-100, 100], or "".
std::string read_numbers(const Json& json, const std::string& name, std::span<double> out) {
  std::string wanted = fmt::format("{}: expected a list of {} numbers from -100 to 100, got {}",
                                   name, out.size(), json.dump());
  if (!json.is_array() || json.size() != out.size()) return wanted;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!json[i].is_number()) return wanted;
    out[i] = json[i].get<double>();
    if (!(std::abs(out[i]) <= 100)) return wanted;
  }
  return "";
}

std::string check_positive(std::span<const double> numbers, const char* name) {
  for (const double number : numbers)
    if (number < 1e-6) return fmt::format("{}: {} is not above 0", name, number);
  return "";
}

std::string check_vectors(const std::array<std::array<double, 3>, 2>& vectors) {
  double cosine = 0;
  for (std::size_t c = 0; c < 3; ++c) cosine += vectors[0][c] * vectors[1][c];
  for (const auto& v : vectors) {
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    if (!(std::abs(length - 1) <= 0.2))
      return fmt::format("vectors: one has length {:.3f}, both should have 1", length);
    cosine /= length;
  }
  return cosine > std::cos(0.05) ? "vectors: the two stains are all but the same" : "";
}

std::string check_members(const Json& json, std::span<const std::string> names) {
  for (const std::string& name : names)
    if (!json.contains(name)) return fmt::format("\"{}\" is missing", name);
  for (const auto& [name, value] : json.items())
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fmt::format("unknown member \"{}\"", name);
  return "";
}

std::string read_macenko(const Json& json, MacenkoProfile& out) {
  const std::array<std::string, 3> names = {"method", "vectors", "max_concentrations"};
  std::string problem = check_members(json, names);
  if (!problem.empty()) return problem;
  const Json& vectors = json.at("vectors");
  if (!vectors.is_array() || vectors.size() != 2) return "vectors: expected a list of two lists";
  for (std::size_t s = 0; s < 2 && problem.empty(); ++s)
    problem = read_numbers(vectors[s], fmt::format("vectors/{}", s), out.vectors[s]);
  if (problem.empty())
    problem =
        read_numbers(json.at("max_concentrations"), "max_concentrations", out.max_concentrations);
  if (problem.empty()) problem = check_positive(out.max_concentrations, "max_concentrations");
  return problem.empty() ? check_vectors(out.vectors) : problem;
}

std::string read_reinhard(const Json& json, ReinhardProfile& out) {
  const std::array<std::string, 3> names = {"method", "mean", "deviation"};
  std::string problem = check_members(json, names);
  if (problem.empty()) problem = read_numbers(json.at("mean"), "mean", out.mean);
  if (problem.empty()) problem = read_numbers(json.at("deviation"), "deviation", out.deviation);
  return problem.empty() ? check_positive(out.deviation, "deviation") : problem;
}

}  // namespace

StainNormalisation method_of(const StainProfile& profile) {
  return std::holds_alternative<MacenkoProfile>(profile) ? StainNormalisation::kMacenko
                                                         : StainNormalisation::kReinhard;
}

const char* name_of(StainNormalisation method) {
  return method == StainNormalisation::kNone      ? "none"
         : method == StainNormalisation::kMacenko ? "macenko"
                                                  : "reinhard";
}

Json stain_profile_json(const StainProfile& profile) {
  Json json = {{"method", name_of(method_of(profile))}};
  if (const auto* macenko = std::get_if<MacenkoProfile>(&profile)) {
    json["vectors"] = macenko->vectors;
    json["max_concentrations"] = macenko->max_concentrations;
  } else {
    json["mean"] = std::get<ReinhardProfile>(profile).mean;
    json["deviation"] = std::get<ReinhardProfile>(profile).deviation;
  }
  return json;
}

std::string read_stain_profile(const Json& json, StainProfile& out) {
  if (!json.is_object()) return "expected an object with \"method\"";
  const auto method = json.find("method");
  if (method != json.end() && *method == "macenko")
    return read_macenko(json, out.emplace<MacenkoProfile>());
  if (method != json.end() && *method == "reinhard")
    return read_reinhard(json, out.emplace<ReinhardProfile>());
  return "\"method\" is neither \"macenko\" nor \"reinhard\"";
}

NamedValues stain_profile_values(const StainProfile& profile) {
  NamedValues values;
  for_each_number(profile, [&](std::string name, double number) {
    values.emplace_back(std::move(name), number);
  });
  return values;
}

std::optional<StainProfile> stain_profile_of_values(const NamedValues& values) {
  for (StainProfile profile : {StainProfile{MacenkoProfile{}}, StainProfile{ReinhardProfile{}}}) {
    bool complete = true;
    for_each_number(profile, [&](const std::string& name, double& number) {
      const auto found = std::find_if(values.begin(), values.end(),
                                      [&](const auto& value) { return value.first == name; });
      complete = complete && found != values.end();
      if (complete) number = found->second;
    });
    if (complete) return profile;
  }
  return std::nullopt;
}

}  // namespace tilepool
