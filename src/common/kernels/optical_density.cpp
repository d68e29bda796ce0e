#include "common/kernels/optical_density.h"

#include <cmath>

namespace tilepool {

double optical_density(double value) { return std::log10(256.0 / (value + 1.0)); }

int value_limit_of_density(double density) {
  int limit = 0;
  while (limit < 256 && optical_density(limit) > density) ++limit;
  return limit;
}

int fine_limit_of_density(double density) {
  int limit = 0;
  while (limit < 65536 && optical_density(limit / 256.0) > density) ++limit;
  return limit;
}

}  // namespace tilepool
