# What a builder can choose, and the flags that every target of ours gets.
option(DECANT_TESTS "build the tests" ON)
option(DECANT_FUZZ "build the libFuzzer targets (clang)" OFF)
option(DECANT_WERROR "warnings are errors" OFF)
set(DECANT_SANITIZE "" CACHE STRING "sanitizers, as for -fsanitize= (address,undefined or thread)")

add_library(decant_flags INTERFACE)
target_include_directories(decant_flags INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>
  $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>) # revision.h, of src/base/room.cmake
target_compile_options(decant_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
  -Wformat=2 -Wdouble-promotion -fno-math-errno -ffp-contract=off
  -fno-semantic-interposition                     # a shared library's own calls may be inlined
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/src/=) # error records name base/file.c, not a builder's folder
target_compile_definitions(decant_flags INTERFACE _GNU_SOURCE DECANT_VERSION="${PROJECT_VERSION}")
if(DECANT_WERROR)
  target_compile_options(decant_flags INTERFACE -Werror)
endif()
if(DECANT_SANITIZE)
  # A loop full of checks may stay scalar without anybody's being warned.
  target_compile_options(decant_flags INTERFACE
    -fsanitize=${DECANT_SANITIZE} -fno-omit-frame-pointer -g -Wno-pass-failed)
  target_link_options(decant_flags INTERFACE -fsanitize=${DECANT_SANITIZE})
  if(DECANT_SANITIZE MATCHES "undefined")
    target_compile_options(decant_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(DECANT_FUZZ)
  target_compile_options(decant_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(decant_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
