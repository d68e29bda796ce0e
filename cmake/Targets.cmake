# tilepool_flags: warnings and sanitizers, an INTERFACE target that every target of ours links.
add_library(tilepool_flags INTERFACE)
target_compile_features(tilepool_flags INTERFACE cxx_std_20)
target_compile_definitions(tilepool_flags INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
target_compile_options(
  tilepool_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wconversion -Wshadow
                           -Wno-missing-field-initializers
                           -ffp-contract=off>)
if(TILEPOOL_WERROR)
  target_compile_options(tilepool_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(TILEPOOL_SANITIZE)
  target_compile_options(tilepool_flags INTERFACE -fsanitize=${TILEPOOL_SANITIZE}
                                                  -fno-omit-frame-pointer)
  target_link_options(tilepool_flags INTERFACE -fsanitize=${TILEPOOL_SANITIZE})
endif()

# tilepool_library(NAME SOURCES ... PUBLIC ... PRIVATE ...): one static library a folder. A folder
# sees only what it links, so a wrong include is a build error.
function(tilepool_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(
    ${name}
    PUBLIC fmt::fmt ${ARG_PUBLIC}
    PRIVATE tilepool_flags ${ARG_PRIVATE})
endfunction()
