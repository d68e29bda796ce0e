#pragma once

#include "common/base/error.h"

namespace tilepool::testing {

/// The error that `function` throws, to look into it; of kind kInternal when it throws none.
template <class Function>
Error error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::kInternal, "nothing was thrown"};
}

}  // namespace tilepool::testing
