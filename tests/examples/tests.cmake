# The programs of examples/ as their readers build them: strict C11, public headers, the static library.
add_executable(example_train_small ${PROJECT_SOURCE_DIR}/examples/train_small.c)
set_target_properties(example_train_small PROPERTIES C_EXTENSIONS OFF)
target_compile_options(example_train_small PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${DECANT_WERROR}>:-Werror>)
target_link_libraries(example_train_small PRIVATE decant_static)
add_test(NAME examples.train_small COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/examples/train_small.sh
  $<TARGET_FILE:example_train_small> $<TARGET_FILE:decant_cli> ${CMAKE_CURRENT_BINARY_DIR}/train_small)
set_tests_properties(examples.train_small PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT "OMP_WAIT_POLICY=passive")
