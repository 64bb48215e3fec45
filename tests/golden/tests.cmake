# The vectors' reader, and the rooms that their tests reach into.
add_library(golden_test_parts STATIC golden/golden.c)
target_compile_definitions(golden_test_parts PRIVATE TEST_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(golden_test_parts PUBLIC dcn_train test_support)
foreach(name layers losses schedules optimizers initialization steps loss_curve measures)
  target_link_libraries(test_golden_${name} PRIVATE golden_test_parts)
endforeach()
set_tests_properties(golden.loss_curve PROPERTIES SKIP_RETURN_CODE 77)
