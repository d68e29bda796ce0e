#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace tilepool {

/// Whether `name` (one path component) matches `pattern`: * any bytes, ? one UTF-8 character,
/// [a-c] and [!a-c] one byte, \ takes the next character literally. A leading dot of the name is
/// only matched by a dot. Case matters.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view name);

/// Whether `path` has a glob character: * ? [
[[nodiscard]] bool is_glob(std::string_view path);

/// The files (not folders) that the absolute `pattern` matches, sorted bytewise. A component **
/// stands for any number of folders, hidden ones and linked ones left out; as the last component it
/// matches every file below. Wildcards never enter the companion folder of a MIRAX slide
/// (X/ beside X.mrxs): what lies there is no slide of its own.
/// A folder that cannot be read matches nothing; its path is added to `unreadable`.
[[nodiscard]] std::vector<std::filesystem::path> expand_glob(
    const std::filesystem::path& pattern, std::vector<std::filesystem::path>& unreadable);

}  // namespace tilepool
