#include "classifier/booster.h"

#include <algorithm>
#include <limits>
#include <map>

#include <xgboost/c_api.h>

#include "common/base/checked.h"
#include "common/base/error.h"

namespace tilepool {
namespace {

void checked(int result, const char* what) {
  check(result == 0, ErrorCode::kInternal, "XGBoost, {}: {}", what, one_line(XGBGetLastError()));
}

/// XGBoost's copy of some rows.
class Matrix {
 public:
  Matrix(const FeatureRows& rows, int threads) {
    checked(XGDMatrixCreateFromMat_omp(rows.values.data(), rows.count(), rows.n_features,
                                       std::numeric_limits<float>::quiet_NaN(), &handle_, threads),
            "taking rows");
  }
  ~Matrix() { XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  [[nodiscard]] DMatrixHandle get() const { return handle_; }

  void set_labels(std::span<const std::uint8_t> yes) {
    const std::vector<float> labels(yes.begin(), yes.end());
    checked(XGDMatrixSetFloatInfo(handle_, "label", labels.data(), labels.size()), "taking labels");
  }

 private:
  DMatrixHandle handle_ = nullptr;
};

}  // namespace

struct Booster::Handle {
  explicit Handle(const Matrix* matrix) {
    const DMatrixHandle of = matrix == nullptr ? nullptr : matrix->get();
    checked(XGBoosterCreate(&of, matrix == nullptr ? 0 : 1, &get), "making a model");
  }
  ~Handle() { XGBoosterFree(get); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  void set(const std::string& name, const std::string& value) const {
    checked(XGBoosterSetParam(get, name.c_str(), value.c_str()), name.c_str());
  }
  void set_names(const std::vector<std::string>& features) const {
    std::vector<const char*> names;
    names.reserve(features.size());
    for (const std::string& name : features) names.push_back(name.c_str());
    checked(XGBoosterSetStrFeatureInfo(get, "feature_name", names.data(), names.size()),
            "taking the features' names");
  }
  BoosterHandle get = nullptr;
};

Booster::Booster(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Booster::~Booster() = default;
Booster::Booster(Booster&& other) noexcept = default;
Booster& Booster::operator=(Booster&& other) noexcept = default;

Booster Booster::train(const FeatureRows& rows, std::span<const std::uint8_t> yes,
                       const std::vector<std::string>& features, const Recipe& recipe) {
  const auto n_yes = static_cast<std::uint64_t>(std::ranges::count(yes, std::uint8_t{1}));
  const std::uint64_t n_no = yes.size() - n_yes;
  check(rows.count() == yes.size() && n_yes > 0 && n_no > 0, ErrorCode::kInternal,
        "training on {} rows with {} yes and {} no", rows.count(), n_yes, n_no);
  Matrix matrix(rows, 1);
  matrix.set_labels(yes);
  auto handle = std::make_unique<Handle>(&matrix);
  handle->set_names(features);
  for (const auto& [name, value] : parameters_of(recipe, rows.n_features, n_yes, n_no))
    handle->set(name, value);
  for (int round = 0; round < rounds_of(recipe.kind); ++round)
    checked(XGBoosterUpdateOneIter(handle->get, round, matrix.get()), "adding trees");
  return Booster(std::move(handle));
}

Booster Booster::load(std::string_view json, const std::string& where) {
  auto handle = std::make_unique<Handle>(nullptr);
  handle->set("verbosity", "0");
  check(XGBoosterLoadModelFromBuffer(handle->get, json.data(), json.size()) == 0,
        ErrorCode::kConfig, "{}: XGBoost {} refuses the model: {}; train it anew", where,
        xgboost_version(), one_line(XGBGetLastError()));
  return Booster(std::move(handle));
}

std::string Booster::json() const {
  bst_ulong length = 0;
  const char* bytes = nullptr;
  checked(XGBoosterSaveModelToBuffer(handle_->get, R"({"format":"json"})", &length, &bytes),
          "writing the model");
  return {bytes, static_cast<std::size_t>(length)};
}

std::vector<float> Booster::scores(const FeatureRows& rows, int threads) const {
  if (rows.values.empty()) return {};
  const Matrix matrix(rows, threads);
  handle_->set("nthread", std::to_string(threads));
  const bst_ulong* shape = nullptr;
  bst_ulong n_axes = 0;
  const float* values = nullptr;
  checked(XGBoosterPredictFromDMatrix(handle_->get, matrix.get(),
                                      R"({"type":0,"training":false,"iteration_begin":0,)"
                                      R"("iteration_end":0,"strict_shape":true})",
                                      &shape, &n_axes, &values),
          "scoring rows");
  check(n_axes == 2 && shape[0] == rows.count() && shape[1] == 1, ErrorCode::kInternal,
        "XGBoost gives {} axes, {} rows for {}", n_axes, n_axes > 0 ? shape[0] : 0, rows.count());
  return {values, values + rows.count()};
}

std::vector<double> Booster::total_gain(const std::vector<std::string>& features) const {
  bst_ulong n_named = 0;
  const char** names = nullptr;
  bst_ulong n_axes = 0;
  const bst_ulong* shape = nullptr;
  const float* gains = nullptr;
  checked(XGBoosterFeatureScore(handle_->get, R"({"importance_type":"total_gain"})", &n_named,
                                &names, &n_axes, &shape, &gains),
          "weighing features");
  std::map<std::string, double> by_name;  // features that no split uses are not among them
  for (bst_ulong i = 0; i < n_named; ++i) by_name[names[i]] = static_cast<double>(gains[i]);
  std::vector<double> all;
  all.reserve(features.size());
  for (const std::string& name : features) all.push_back(by_name[name]);
  return all;
}

std::string xgboost_version() {
  int major = 0;
  int minor = 0;
  int patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

}  // namespace tilepool
