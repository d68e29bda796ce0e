#include "common/run/temporary_folder.h"

#include <system_error>

#include "common/base/error.h"
#include "common/run/atomic_file.h"

namespace tilepool {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const fs::path& name) {
  const fs::path beside = fs::absolute(name).lexically_normal();
  std::error_code problem;
  for (fs::path above = beside.parent_path(); !fs::exists(above, problem);
       above = above.parent_path())
    above_.push_back(above);
  path_ = temporary_path(beside);
  fs::create_directories(path_, problem);
  if (!problem) return;
  remove();
  fail(ErrorCode::kIo, "cannot make the folder {}: {}", path_.string(), problem.message());
}

TemporaryFolder::~TemporaryFolder() { remove(); }

void TemporaryFolder::remove() noexcept {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  for (const fs::path& above : above_) fs::remove(above, ignored);  // only when it is empty
}

}  // namespace tilepool
