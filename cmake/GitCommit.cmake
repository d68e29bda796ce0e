# cmake -D SOURCE=... -D OUTPUT=... -P GitCommit.cmake: writes OUTPUT, a C++ file that holds the
# commit, and touches it only when the commit changed.
execute_process(
  COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit RESULT_VARIABLE failed ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
if(failed)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
extern const char* const tilepool_git_commit;
const char* const tilepool_git_commit = "@commit@";
]])
