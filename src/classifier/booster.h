#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "classifier/recipe.h"

namespace tilepool {

/// Rows of features, row by row; NaN: the cell has none.
struct FeatureRows {
  std::span<const float> values;  ///< [n][n_features]
  std::size_t n_features = 0;     ///< >= 1

  [[nodiscard]] std::size_t count() const { return values.size() / n_features; }
};

/// A model of XGBoost. Move-only; one thread at a time.
class Booster {
 public:
  /// Grows a model by `recipe` on `yes.size()` rows (1 yes, 0 no; both occur). The same input gives
  /// the same model, whatever the number of threads of the machine.
  [[nodiscard]] static Booster train(const FeatureRows& rows, std::span<const std::uint8_t> yes,
                                     const std::vector<std::string>& features,
                                     const Recipe& recipe);
  /// From XGBoost's JSON. Throws Error(kConfig) naming `where` when XGBoost refuses it.
  [[nodiscard]] static Booster load(std::string_view json, const std::string& where);

  ~Booster();
  Booster(Booster&& other) noexcept;
  Booster& operator=(Booster&& other) noexcept;
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  /// XGBoost's JSON, which its Python package reads too.
  [[nodiscard]] std::string json() const;
  /// Probability of yes, 0..1, of each row; does not depend on `threads` >= 1.
  [[nodiscard]] std::vector<float> scores(const FeatureRows& rows, int threads) const;
  /// What the splits by each of `features` gained in sum; the names are those it was trained with.
  [[nodiscard]] std::vector<double> total_gain(const std::vector<std::string>& features) const;

 private:
  struct Handle;
  explicit Booster(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

/// Of the library that is loaded: "1.7.4".
[[nodiscard]] std::string xgboost_version();

}  // namespace tilepool
