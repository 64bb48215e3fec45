# The vectors' reader, and the rooms that their tests reach into.
add_library(golden_test_parts STATIC golden/golden.c)
target_compile_definitions(golden_test_parts PRIVATE TEST_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(golden_test_parts PUBLIC dcn_train test_support)
foreach(name layers losses schedules optimizers initialization steps)
  if(TARGET test_golden_${name})
    target_link_libraries(test_golden_${name} PRIVATE golden_test_parts)
  endif()
endforeach()
