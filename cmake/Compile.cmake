# Warnings, sanitizers, ccache, and the two functions every folder uses.
option(CLAIMSTORM_WERROR "Warnings are errors" OFF)
set(CLAIMSTORM_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(CLAIMSTORM_FUZZ "Fuzz targets are libFuzzer's programs (clang), not tests" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(claimstorm_options INTERFACE)
target_include_directories(claimstorm_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(claimstorm_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wundef $<$<BOOL:${CLAIMSTORM_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in plain std::string concatenation (GCC bug 105651).
  target_compile_options(claimstorm_options INTERFACE -Wno-restrict)
endif()
if(CLAIMSTORM_SANITIZE)
  add_compile_options(-fsanitize=${CLAIMSTORM_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CLAIMSTORM_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CLAIMSTORM_SANITIZE MATCHES "address")
    # GCC 12's instrumentation makes std::regex look uninitialised.
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
  if(CLAIMSTORM_SANITIZE MATCHES "thread")
    # GCC warns that TSan does not model fences; none of ours is used alone.
    add_compile_options(-Wno-tsan)
  endif()
endif()
target_compile_definitions(claimstorm_options INTERFACE CLAIMSTORM_VERSION="${PROJECT_VERSION}")

# claimstorm_library(NAME SOURCES a.cpp … LINK other libraries …)
function(claimstorm_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(claimstorm_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(claimstorm_${name} PUBLIC claimstorm_options ${ARG_LINK})
endfunction()

# claimstorm_program(NAME SOURCES a.cpp … LINK libraries …)
function(claimstorm_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE claimstorm_options ${ARG_LINK})
endfunction()
