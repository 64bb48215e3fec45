# The loader under ThreadSanitizer in every build, not only in `make tsan`: its few rooms are compiled a second time for that.
if(NOT DECANT_SANITIZE)
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
  check_c_source_compiles("int main(void) { return 0; }" DECANT_HAS_TSAN)
  unset(CMAKE_REQUIRED_FLAGS)
  if(DECANT_HAS_TSAN)
    file(GLOB tsan_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/base/*.c ${PROJECT_SOURCE_DIR}/src/tensor/*.c
      ${PROJECT_SOURCE_DIR}/src/data/*.c ${PROJECT_SOURCE_DIR}/src/format/image*.c ${PROJECT_SOURCE_DIR}/src/format/np*.c
      ${PROJECT_SOURCE_DIR}/src/format/json*.c)
    foreach(name loader threads)
      add_executable(tsan_data_${name} data/test_${name}.c ${tsan_sources})
      target_compile_options(tsan_data_${name} PRIVATE -fsanitize=thread -O1 -g)
      target_compile_definitions(tsan_data_${name} PRIVATE TEST_BINARY_DIR="${CMAKE_CURRENT_BINARY_DIR}")
      target_link_options(tsan_data_${name} PRIVATE -fsanitize=thread)
      target_link_libraries(tsan_data_${name} PRIVATE decant_flags Threads::Threads ZLIB::ZLIB PkgConfig::XXHASH PkgConfig::CRYPTO
        PkgConfig::JANSSON PkgConfig::ZIP PkgConfig::PNG PkgConfig::JPEG ${CMAKE_DL_LIBS} m PkgConfig::CMOCKA)
      add_test(NAME data.${name}_tsan COMMAND tsan_data_${name})
      set_tests_properties(data.${name}_tsan PROPERTIES TIMEOUT 120 ENVIRONMENT "TSAN_OPTIONS=halt_on_error=1")
    endforeach()
  endif()
endif()
