# The programs of examples/ as their readers build them: strict C11, public headers, the static library.
foreach(example train_small predict_samples)
  add_executable(example_${example} ${PROJECT_SOURCE_DIR}/examples/${example}.c)
  set_target_properties(example_${example} PROPERTIES C_EXTENSIONS OFF)
  target_compile_options(example_${example} PRIVATE -Wall -Wextra -Wpedantic $<$<BOOL:${DECANT_WERROR}>:-Werror>)
  target_link_libraries(example_${example} PRIVATE decant_static)
endforeach()
add_test(NAME examples.train_small COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/examples/train_small.sh
  $<TARGET_FILE:example_train_small> $<TARGET_FILE:example_predict_samples> $<TARGET_FILE:decant_cli>
  ${CMAKE_CURRENT_BINARY_DIR}/train_small)
set_tests_properties(examples.train_small PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT "OMP_WAIT_POLICY=passive")
